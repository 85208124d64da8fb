import { Check, Copy as CopyIcon } from 'lucide';
import { useState } from 'preact/hooks';
import { IconButton } from './Button';
import css from './text.module.css';

/** Plain HTTP on another host has no clipboard API: then a selected text area does it. */
export async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function CopyButton({
  text,
  label = 'Copy',
  always = false,
}: {
  text: string;
  label?: string;
  always?: boolean;
}) {
  const [done, setDone] = useState(false);
  const copy = async (event: MouseEvent) => {
    event.preventDefault();
    await toClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <IconButton
      small
      label={done ? 'Copied' : label}
      icon={done ? Check : CopyIcon}
      class={always || done ? '' : css.copy}
      onClick={copy}
    />
  );
}

/** A value with a copy button that shows on hover and focus. */
export function Copyable({ text, shown, mono = true }: { text: string; shown?: string; mono?: boolean }) {
  return (
    <span class={css.copyable}>
      <span class={`cut ${mono ? 'mono' : ''}`} title={text}>
        {shown ?? text}
      </span>
      <CopyButton text={text} label={`Copy ${shown ?? text}`} />
    </span>
  );
}
