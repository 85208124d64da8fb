import type { ComponentChildren, Ref } from 'preact';
import type { Rows } from './virtual';

function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row of a table takes no focus
    <tr aria-hidden="true" data-space>
      <td colSpan={columns} style={{ height: `${height}px`, padding: 0, border: 0 }} />
    </tr>
  );
}

interface Props<T> {
  items: T[];
  rows: Rows;
  /** Height of each row, in pixels. */
  size: number;
  columns: number;
  body?: Ref<HTMLTableSectionElement>;
  /** A row and its place for `aria-rowindex`, which counts the head. */
  children: (item: T, rowIndex: number) => ComponentChildren;
}

/** The rows of a table that are near the view; an empty row above and below stands for the others. */
export function TableRows<T>({ items, rows, size, columns, body, children }: Props<T>) {
  const last = Math.min(rows.last, items.length - 1);
  return (
    <tbody ref={body}>
      <Space height={rows.first * size} columns={columns} />
      {items.slice(rows.first, last + 1).map((item, i) => children(item, rows.first + i + 2))}
      <Space height={(items.length - 1 - last) * size} columns={columns} />
    </tbody>
  );
}
