import { CircleAlert, type IconNode } from 'lucide';
import type { ComponentChildren } from 'preact';
import { ApiError } from './api';
import { Button } from './Button';
import { Icon } from './Icon';
import css from './panels.module.css';
import ui from './ui.module.css';

/** A request that the server understood and refused will be refused again. */
function canRetry(error: Error): boolean {
  return !(error instanceof ApiError) || error.status < 400 || error.status >= 500;
}

/** What failed and why, with a way to try again. The rest of the page stays. */
export function Problem({ error, retry }: { error: Error; retry?: (() => void) | undefined }) {
  const code = error instanceof ApiError && error.status ? ` (${error.status} ${error.code})` : '';
  return (
    <div class={css.problem} role="alert">
      <Icon of={CircleAlert} />
      <p class="grow">
        {error.message}
        <span class="dim">{code}</span>
      </p>
      {retry && canRetry(error) && (
        <Button small onClick={retry}>
          Retry
        </Button>
      )}
    </div>
  );
}

export function Empty({
  icon,
  title,
  children,
}: {
  icon?: IconNode;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class={css.empty}>
      {icon && <Icon of={icon} size={26} />}
      <strong>{title}</strong>
      {children}
    </div>
  );
}

interface PanelProps {
  title: string;
  note?: ComponentChildren;
  tools?: ComponentChildren;
  flush?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, note, tools, flush, children }: PanelProps) {
  return (
    <section class={css.panel}>
      <div class={css.panelHead}>
        <h2>{title}</h2>
        {note !== undefined && <small>{note}</small>}
        <span class="grow" />
        {tools}
      </div>
      {flush ? children : <div class={css.panelBody}>{children}</div>}
    </section>
  );
}

export function Skeleton({ width }: { width: number | string }) {
  return <span class={css.skeleton} style={{ width: typeof width === 'number' ? `${width}px` : width }} />;
}

/** Lines in the place of a table or text that is still on its way. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div
      style={{ display: 'grid', gap: '18px', padding: '14px' }}
      aria-busy="true"
      role="status"
      aria-label="Loading"
    >
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} width={`${70 - ((row * 17) % 40)}%`} />
      ))}
    </div>
  );
}

interface SegmentedProps<T extends string> {
  label: string;
  options: readonly (readonly [value: T, name: string])[];
  value: T;
  onChange: (value: T) => void;
}

export function Segmented<T extends string>({ label, options, value, onChange }: SegmentedProps<T>) {
  return (
    <fieldset class={ui.segmented} aria-label={label} style={{ border: 0, margin: 0 }}>
      {options.map(([option, name]) => (
        <button type="button" key={option} aria-pressed={option === value} onClick={() => onChange(option)}>
          {name}
        </button>
      ))}
    </fieldset>
  );
}
