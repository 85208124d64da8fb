import { QueryClient, type QueryClientConfig, type QueryKey, QueryObserver } from '@tanstack/query-core';
import { useEffect, useLayoutEffect, useReducer, useState } from 'preact/hooks';
import { ApiError } from './api';

const config: QueryClientConfig = {
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 120_000,
      networkMode: 'always',
      refetchOnWindowFocus: false, // base/live.ts catches up when the tab comes back
      refetchOnReconnect: false,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.status === 0,
      retryDelay: (failures) => 300 * 2 ** failures,
    },
  },
};

export const cache = new QueryClient(config);

export interface Query<T> {
  key: QueryKey;
  fetch: (signal: AbortSignal) => Promise<T>;
  enabled?: boolean;
  /** Show the answer to the last key while this one loads. */
  keep?: boolean;
}

export interface Answer<T> {
  data: T | undefined;
  error: Error | null;
  /** True when `data` belongs to the key before this one. */
  old: boolean;
  loading: boolean;
  retry: () => void;
}

function options<T>(query: Query<T>) {
  return {
    queryKey: query.key,
    queryFn: ({ signal }: { signal: AbortSignal }) => query.fetch(signal),
    enabled: query.enabled ?? true,
    ...(query.keep && { placeholderData: (previous: T | undefined) => previous }),
  };
}

/** Subscribes the component to one cached answer of the server. */
export function useQuery<T>(query: Query<T>): Answer<T> {
  const [observer] = useState(() => new QueryObserver<T>(cache, options(query) as never));
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const result = observer.getOptimisticResult(cache.defaultQueryOptions(options(query) as never) as never);
  useLayoutEffect(() => observer.setOptions(options(query) as never));
  useEffect(() => observer.subscribe(() => redraw(0)), [observer]);
  return {
    data: result.data,
    error: result.error,
    old: result.isPlaceholderData,
    loading: result.isFetching,
    retry: () => void observer.refetch(),
  };
}

const asking = new Set<string>();

/** Marks answers as old; those on screen are asked for again. */
export function stale(...keys: QueryKey[]): void {
  for (const queryKey of keys) void askAgain(queryKey);
}

/** A request under way is not cancelled: where answers come slower than news, none would ever arrive. */
async function askAgain(queryKey: QueryKey): Promise<void> {
  const key = JSON.stringify(queryKey);
  if (asking.has(key)) return; // what waits already will see this news too
  const busy = cache.isFetching({ queryKey }) > 0;
  if (busy) asking.add(key);
  await cache.invalidateQueries({ queryKey }, { cancelRefetch: false });
  if (!busy) return;
  asking.delete(key);
  await cache.invalidateQueries({ queryKey }, { cancelRefetch: false });
}

/** `now` without what the edit from `before` to `after` did, as far as nothing newer stands there. */
export function withoutEdit<T extends object>(now: T, before: T, after: T): T {
  const edited = (Object.keys(after) as (keyof T)[]).filter((key) => after[key] !== before[key]);
  const mine = edited.filter((key) => now[key] === after[key]);
  return { ...now, ...Object.fromEntries(mine.map((key) => [key, before[key]])) };
}

/**
 * Shows an edit at once, then sends it. When the server refuses, the edit is taken back (news that
 * came meanwhile stay) and the error is thrown, so that the caller can say so.
 */
export async function optimistic<T extends object>(
  key: QueryKey,
  change: (old: T) => T,
  request: () => Promise<unknown>,
): Promise<void> {
  await cache.cancelQueries({ queryKey: key });
  const before = cache.getQueryData<T>(key);
  const after = before && change(before);
  if (after) cache.setQueryData<T>(key, after);
  try {
    await request();
  } catch (error) {
    if (before && after) cache.setQueryData<T>(key, (now) => now && withoutEdit(now, before, after));
    throw error;
  } finally {
    stale(key);
  }
}
