import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

/** Everything the app can do: keys, palette and the help page are made from this list. */
export interface Command {
  id: string;
  name: string;
  section: string;
  /** `mod+k`, `?`, or a sequence as `g e`. */
  keys?: string;
  run: () => void;
}

export const commands = signal<Command[]>([]);
export const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform);

/** The key press as it is written in `Command.keys`. */
export function keyName(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>,
  mac = isMac,
): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const mod = mac ? event.metaKey : event.ctrlKey;
  if (event.altKey || (mac ? event.ctrlKey : event.metaKey)) return '';
  return mod ? `mod+${key}` : key;
}

/** `mod+k` as people know it: `⌘ K` or `Ctrl K`. */
export function keyCaps(keys: string, mac = isMac): string[] {
  return keys.split(/[ +]/).map((part) => {
    if (part === 'mod') return mac ? '⌘' : 'Ctrl';
    return part.length === 1 ? part.toUpperCase() : part;
  });
}

export interface Match {
  command: Command | null;
  /** What is kept of a sequence that may still go on. */
  pending: string;
}

/** The command for `key` after `pending`, if any. */
export function matchKey(list: Command[], pending: string, key: string): Match {
  const typed = pending ? `${pending} ${key}` : key;
  const exactly = list.findLast((command) => command.keys === typed);
  if (exactly) return { command: exactly, pending: '' };
  if (list.some((command) => command.keys?.startsWith(`${typed} `))) return { command: null, pending: typed };
  return pending ? matchKey(list, '', key) : { command: null, pending: '' };
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.matches('input:not([type=checkbox], [type=range]), textarea, select')
  );
}

export function listenForKeys(): void {
  let pending = '';
  let forget = 0;
  addEventListener('keydown', (event) => {
    const key = keyName(event);
    if (!key || ['Shift', 'Control', 'Meta', 'Alt'].includes(event.key) || event.defaultPrevented) return;
    if (isTyping(event.target) && !key.startsWith('mod+')) return;
    if (document.querySelector('dialog[open]') && key !== 'mod+k') return;
    // It closes what is open before it means anything else.
    if (key === 'Escape' && document.querySelector(':popover-open')) return;
    const match = matchKey(commands.value, pending, key);
    pending = match.pending;
    clearTimeout(forget);
    if (pending) forget = window.setTimeout(() => (pending = ''), 1200);
    if (match.command) {
      event.preventDefault();
      match.command.run();
    }
  });
}

/** Registers commands while the component is on screen. */
export function useCommands(list: Command[]): void {
  const latest = useRef(list);
  latest.current = list;
  const ids = list.map((command) => `${command.id}:${command.name}`).join('|');
  useEffect(() => {
    const mine = latest.current.map((command) => ({
      ...command,
      run: () => latest.current.find((other) => other.id === command.id)?.run(),
    }));
    commands.value = [...commands.value, ...mine];
    return () => {
      commands.value = commands.value.filter((command) => !mine.includes(command));
    };
  }, [ids]);
}

/** Keeps what contains all typed words, best first: a word's start counts more than its middle. */
export function search<T>(items: T[], text: (item: T) => string, typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const scored: { item: T; score: number }[] = [];
  for (const item of items) {
    const name = text(item).toLowerCase();
    let score = 0;
    for (const word of words) {
      const index = name.indexOf(word);
      if (index < 0) score = Number.NEGATIVE_INFINITY;
      else score += index === 0 ? 3 : /[\s/_.-]/.test(name[index - 1] ?? '') ? 2 : 1;
    }
    if (score > Number.NEGATIVE_INFINITY) scored.push({ item, score });
  }
  return scored.sort((a, b) => b.score - a.score).map((entry) => entry.item);
}
