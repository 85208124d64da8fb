import { QueriesObserver, type QueryObserverResult } from '@tanstack/query-core';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { post } from '../base/api';
import type { RunsPage, RunsQuery } from '../base/api-types';
import { cache } from '../base/query';
import { PAGE, type Row, rowOf } from './rows';

export type TableQuery = Required<Omit<RunsQuery, 'offset' | 'limit'>>;

export interface Pages {
  total: number | null;
  /** Row at an index of the whole list; null while it is on its way. */
  row: (index: number) => Row | null;
  error: Error | null;
  /** True while the rows of the query before this one are still shown. */
  old: boolean;
  retry: () => void;
}

interface Shown {
  key: string;
  total: number;
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
export function usePages(query: TableQuery, offsets: number[], enabled: boolean): Pages {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const key = JSON.stringify(query);
  const queries = enabled ? offsets.map((offset) => pageQuery(query, offset)) : [];
  const [observer] = useState(() => new QueriesObserver(cache, queries as never));
  const [results] = observer.getOptimisticResult(queries as never, undefined);
  useLayoutEffect(() => observer.setQueries(queries as never), [key, offsets.join(), enabled]);
  useEffect(() => observer.subscribe(() => redraw(0)), [observer]);

  const shown = useRef<Shown>({ key, total: -1, pages: new Map() });
  const fresh = results as QueryObserverResult<RunsPage>[];
  if (fresh.some((result) => result.data) && shown.current.key !== key) {
    shown.current = { key, total: -1, pages: new Map() };
  }
  const here = shown.current.key === key;
  let newest = 0;
  for (const [index, result] of fresh.entries()) {
    if (!result.data || !here) continue;
    shown.current.pages.set(offsets[index] ?? 0, result.data);
    if (result.dataUpdatedAt >= newest) {
      newest = result.dataUpdatedAt;
      shown.current.total = result.data.total;
    }
  }
  const { pages, total } = shown.current;
  const failed = fresh.find((result) => result.error);
  return {
    total: total < 0 ? null : total,
    row(index) {
      const offset = Math.floor(index / PAGE) * PAGE;
      const page = pages.get(offset);
      return page ? rowOf(page, index - offset) : null;
    },
    error: (failed?.error as Error | undefined) ?? null,
    old: !here && !failed,
    retry: () => void failed?.refetch(),
  };
}
