import { Ellipsis, type IconNode } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { IconButton } from './Button';
import css from './overlays.module.css';

/** Puts a floating box under its anchor, or above it where there is more room, inside the window. */
export function place(box: HTMLElement, anchor: HTMLElement, align: 'start' | 'end' = 'end'): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = align === 'end' ? at.right - width : at.left;
  const below = at.bottom + 4 + height <= innerHeight || at.top < innerHeight - at.bottom;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  box.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - 4 - height)}px`;
}

interface Props {
  label: string;
  icon?: IconNode;
  small?: boolean;
  children: ComponentChildren;
}

/** A button that opens a list of actions; arrows, Home, End and Escape work in it, Tab leaves it. */
export function Menu({ label, icon = Ellipsis, small = false, children }: Props) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const anchor = useRef<HTMLSpanElement>(null);
  const items = () => [...(box.current?.querySelectorAll<HTMLElement>('button, a') ?? [])];
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Tab') box.current?.hidePopover();
    const list = items();
    const here = list.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: list.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    list[(to + list.length) % list.length]?.focus();
  };
  return (
    <span ref={anchor} style={{ display: 'inline-flex' }}>
      <IconButton label={label} icon={icon} small={small} aria-haspopup="menu" popovertarget={id} />
      <div
        id={id}
        ref={box}
        popover="auto"
        role="menu"
        aria-label={label}
        class={css.menu}
        onKeyDown={onKey}
        onClick={() => box.current?.hidePopover()}
        onToggle={(event) => {
          if ((event as ToggleEvent).newState !== 'open' || !box.current || !anchor.current) return;
          place(box.current, anchor.current);
          items()[0]?.focus();
        }}
      >
        {children}
      </div>
    </span>
  );
}
