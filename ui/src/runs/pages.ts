import { QueriesObserver, type QueryObserverResult } from '@tanstack/query-core';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { post } from '../base/api';
import type { RunsPage, RunsQuery } from '../base/api-types';
import { cache } from '../base/query';
import { type Extent, extent, PAGE, type Row, rowOf } from './rows';

export type TableQuery = Required<Omit<RunsQuery, 'offset' | 'limit'>>;

export interface Pages {
  extent: Extent | null;
  /** Row at an index of the whole list; null while it is on its way. */
  row: (index: number) => Row | null;
  error: Error | null;
  /** True while the rows of another list are still shown. */
  old: boolean;
  retry: () => void;
}

interface Shown {
  key: string;
  /** The key without its columns. */
  list: string;
  extent: Extent | null;
  pages: Map<number, RunsPage>;
}

export function runsKey(query: TableQuery): readonly unknown[] {
  return ['runs', query];
}

function pageQuery(query: TableQuery, offset: number) {
  return {
    queryKey: [...runsKey(query), offset],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      post<RunsPage>('runs/query', { ...query, offset, limit: PAGE }, signal),
  };
}

/** The pages of the runs list that the screen needs; the list itself stays on the server. */
export function usePages(query: TableQuery, offsets: number[], counted: number | null): Pages {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const key = JSON.stringify(query);
  const list = JSON.stringify({ ...query, columns: [] });
  const queries = offsets.map((offset) => pageQuery(query, offset));
  const [observer] = useState(() => new QueriesObserver(cache, queries as never));
  const [results] = observer.getOptimisticResult(queries as never, undefined);
  useLayoutEffect(() => observer.setQueries(queries as never), [key, offsets.join()]);
  useEffect(() => observer.subscribe(() => redraw(0)), [observer]);

  const shown = useRef<Shown>({ key, list, extent: null, pages: new Map() });
  const fresh = results as QueryObserverResult<RunsPage>[];
  if (fresh.some((result) => result.data) && shown.current.key !== key) {
    // Other columns of the same list: rows stay, cells follow.
    const before = shown.current.list === list ? shown.current : { extent: null, pages: new Map() };
    shown.current = { ...before, key, list };
  }
  const here = shown.current.key === key;
  if (here) {
    const arrived = fresh
      .map((result, index) => ({ offset: offsets[index] ?? 0, page: result.data, at: result.dataUpdatedAt }))
      .filter((answer): answer is { offset: number; page: RunsPage; at: number } => answer.page !== undefined)
      .sort((a, b) => b.at - a.at);
    for (const { offset, page } of arrived) shown.current.pages.set(offset, page);
    const newest = arrived.map(({ offset, page }) => [offset, page] as [number, RunsPage]);
    shown.current.extent = extent(newest, counted) ?? shown.current.extent;
  }
  const { pages } = shown.current;
  const failed = fresh.find((result) => result.error);
  return {
    extent: shown.current.extent,
    row(index) {
      const offset = Math.floor(index / PAGE) * PAGE;
      const page = pages.get(offset);
      return page ? rowOf(page, index - offset) : null;
    },
    error: (failed?.error as Error | undefined) ?? null,
    old: shown.current.list !== list && !failed,
    retry: () => void failed?.refetch(),
  };
}
