import type { RunStatus, RunsPage, Number as Value } from '../base/api-types';

export const PAGE = 100;

export interface Row {
  id: string;
  name: string;
  experimentId: string;
  status: RunStatus;
  start: number | null;
  end: number | null;
  parent: string | null;
  cells: Record<string, Value | string | null>;
}

/** One run out of a page that comes by columns. */
export function rowOf(page: RunsPage, index: number): Row | null {
  const id = page.run_ids[index];
  if (id === undefined) return null;
  const cells: Row['cells'] = {};
  for (const [name, values] of Object.entries(page.cells)) cells[name] = values[index] ?? null;
  return {
    id,
    name: page.names[index] ?? '',
    experimentId: page.experiment_ids[index] ?? '',
    status: page.statuses[index] ?? 'RUNNING',
    start: page.start_ms[index] ?? null,
    end: page.end_ms[index] ?? null,
    parent: page.parent_run_ids[index] ?? null,
    cells,
  };
}

/** Offsets of the pages that rows `first` to `last` need, and of the neighbours within half a page. */
export function pagesFor(first: number, last: number, total: number): number[] {
  const from = Math.max(0, Math.floor((first - PAGE / 2) / PAGE));
  const end = Math.min(Math.max(0, total - 1), Math.max(0, last) + PAGE / 2);
  const to = Math.max(from, Math.floor(end / PAGE));
  return Array.from({ length: to - from + 1 }, (_, index) => (from + index) * PAGE);
}

export interface Extent {
  /** Rows that the scroll bar speaks of. */
  rows: number;
  /** False while there may be more. */
  exact: boolean;
}

/**
 * How long the list is, from the pages that are here, newest answer first. The server stops counting
 * at some point: then `counted` (the experiment's own number of runs) tells, and where that says
 * nothing, as under a filter, the list grows a page ahead of what was read until a page comes short.
 */
export function extent(pages: [offset: number, page: RunsPage][], counted: number | null): Extent | null {
  const newest = pages[0]?.[1];
  if (!newest) return null;
  if (newest.total_is_exact) return { rows: newest.total, exact: true };
  if (counted !== null && counted >= newest.total) return { rows: counted, exact: true };
  const short = pages.find(([, page]) => page.run_ids.length > 0 && page.run_ids.length < PAGE);
  if (short) return { rows: short[0] + short[1].run_ids.length, exact: true };
  const read = Math.max(...pages.map(([offset, page]) => offset + page.run_ids.length));
  return { rows: Math.max(newest.total, read + PAGE), exact: false };
}

/** How deep a run stands under a parent that the same list shows above it. */
export function depths(rows: Row[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const row of rows) {
    const above = row.parent === null ? undefined : result.get(row.parent);
    result.set(row.id, above === undefined ? 0 : Math.min(above + 1, 4));
  }
  return result;
}

/** The runs chosen by a click: with Shift everything from the last click to this one. */
export function select(
  chosen: ReadonlySet<string>,
  id: string,
  range: { from: number; to: number; idAt: (index: number) => string | undefined } | null,
): Set<string> {
  const next = new Set(chosen);
  if (!range) {
    if (!next.delete(id)) next.add(id);
    return next;
  }
  const [low, high] = range.from < range.to ? [range.from, range.to] : [range.to, range.from];
  for (let index = low; index <= high; index++) {
    const other = range.idAt(index);
    if (other) next.add(other);
  }
  return next;
}
