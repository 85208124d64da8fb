import { CircleQuestionMark, Moon, Search, Sun, SunMoon } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { IconButton } from '../base/Button';
import { keyCaps, useCommands } from '../base/commands';
import { clock } from '../base/format';
import { Icon } from '../base/Icon';
import { liveState } from '../base/live';
import { BASE, links } from '../base/location';
import { Account } from './Account';
import { Help } from './Help';
import { Palette } from './Palette';
import css from './shell.module.css';
import { setTheme, THEMES, theme } from './theme';

const NAV = [
  ['Experiments', links.experiments(), ['experiments', 'runs', 'compare', '']],
  ['Models', links.models(), ['models']],
] as const;

export function Keys({ of }: { of: string }) {
  return (
    <span class={css.keys}>
      {keyCaps(of).map((cap) => (
        <kbd key={cap}>{cap}</kbd>
      ))}
    </span>
  );
}

function LiveBadge() {
  const state = liveState.value;
  if (state.kind === 'idle') return null;
  const text =
    state.kind === 'offline'
      ? `Offline since ${clock(state.since)}`
      : state.kind === 'live'
        ? 'Live'
        : 'Catching up';
  return (
    <span class={css.live} data-kind={state.kind} role="status">
      {text}
    </span>
  );
}

function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  const icon = { system: SunMoon, light: Sun, dark: Moon }[theme.value];
  return (
    <IconButton
      label={`Theme: ${theme.value}. Switch to ${next}`}
      icon={icon}
      onClick={() => setTheme(next)}
    />
  );
}

function Logo() {
  return (
    <svg
      viewBox="0 0 24 24"
      width="20"
      height="20"
      fill="none"
      stroke-width="3"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path
        stroke="light-dark(#4f5bd5, #8aa2ff)"
        style={{ stroke: 'var(--accent)' }}
        d="M3 18c6 0 6-12 18-12"
      />
      <path stroke="#e0873c" d="M3 11c4 0 7 7 18 7" />
    </svg>
  );
}

function Nav() {
  const { path } = useLocation();
  const section = path.slice(BASE.length).split('/')[0] ?? '';
  return (
    <nav class={css.nav} aria-label="Main">
      {NAV.map(([name, link, sections]) => (
        <a
          key={name}
          href={link}
          aria-current={(sections as readonly string[]).includes(section) ? 'page' : undefined}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}

type Open = 'palette' | 'help' | null;

/** What can be done on every page. */
function useShellCommands(setOpen: (open: Open) => void): void {
  const { route } = useLocation();
  useCommands([
    {
      id: 'palette',
      name: 'Search or jump to…',
      section: 'General',
      keys: 'mod+k',
      run: () => setOpen('palette'),
    },
    { id: 'help', name: 'Keyboard shortcuts', section: 'General', keys: '?', run: () => setOpen('help') },
    {
      id: 'experiments',
      name: 'Go to experiments',
      section: 'Go',
      keys: 'g e',
      run: () => route(links.experiments()),
    },
    { id: 'models', name: 'Go to models', section: 'Go', keys: 'g m', run: () => route(links.models()) },
    ...THEMES.map((name) => ({
      id: `theme-${name}`,
      name: `Use ${name} theme`,
      section: 'Theme',
      run: () => setTheme(name),
    })),
  ]);
}

export function Shell({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState<Open>(null);
  useShellCommands(setOpen);
  return (
    <>
      <header class={css.header}>
        <a href={BASE} class={css.brand} aria-label="Trackside, home">
          <Logo />
          <span>Trackside</span>
        </a>
        <Nav />
        <span class="grow" />
        <button type="button" class={css.find} onClick={() => setOpen('palette')}>
          <Icon of={Search} size={14} />
          <span class="grow" style={{ textAlign: 'left' }}>
            Search or jump to…
          </span>
          <Keys of="mod+k" />
        </button>
        <LiveBadge />
        <ThemeButton />
        <span class={css.wide}>
          <IconButton label="Keyboard shortcuts" icon={CircleQuestionMark} onClick={() => setOpen('help')} />
        </span>
        <Account />
      </header>
      <main>{children}</main>
      {open === 'palette' && <Palette onClose={() => setOpen(null)} />}
      {open === 'help' && <Help onClose={() => setOpen(null)} />}
    </>
  );
}
