import { QueryObserver } from '@tanstack/query-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cache, optimistic, stale } from './query';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cache.clear();
  vi.useRealTimers();
});

test('news that come faster than answers do not keep the answers away', async () => {
  let asked = 0;
  const queryFn = async ({ signal }: { signal: AbortSignal }) => {
    const mine = ++asked;
    await new Promise((resolve) => setTimeout(resolve, 1400));
    if (signal.aborted) throw new Error('cancelled');
    return mine;
  };
  const seen: unknown[] = [];
  const observer = new QueryObserver(cache, { queryKey: ['runs', 1], queryFn });
  const stop = observer.subscribe((result) => seen.push(result.data));
  for (let second = 0; second < 9; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    stale(['runs']);
  }
  expect(observer.getCurrentResult().data).toBeGreaterThan(3);
  // What came during a request is asked for after it, and once however much it was.
  const before = asked;
  for (let i = 0; i < 20; i++) stale(['runs']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked - before).toBeLessThanOrEqual(1);
  expect(observer.getCurrentResult().data).toBe(asked);
  stop();
});

test('a refused edit takes back itself alone, and the server is asked what holds', async () => {
  const key = ['run', 'r'];
  interface Thing {
    name: string;
    note: string;
    loss: number;
  }
  let asked = 0;
  const queryFn = async () => {
    asked++;
    return { name: 'old', note: '', loss: 3 };
  };
  const observer = new QueryObserver(cache, { queryKey: key, queryFn, staleTime: 60_000 });
  const stop = observer.subscribe(() => {});
  await vi.advanceTimersByTimeAsync(10);
  let refuse = (_: Error) => {};
  const edit = optimistic<Thing>(
    key,
    (old) => ({ ...old, name: 'new', note: 'mine' }),
    () => new Promise((_, reject) => (refuse = reject)),
  );
  const failed = expect(edit).rejects.toThrow('no');
  await vi.advanceTimersByTimeAsync(10);
  expect(cache.getQueryData<Thing>(key)).toEqual({ name: 'new', note: 'mine', loss: 3 });
  // News while the request is under way: a live point, and a note by somebody else.
  cache.setQueryData<Thing>(key, (old) => old && { ...old, note: 'theirs', loss: 4 });
  const seen: unknown[] = [];
  observer.subscribe((result) => seen.push(result.data));
  refuse(new Error('no'));
  await failed;
  expect(seen).toContainEqual({ name: 'old', note: 'theirs', loss: 4 });
  await vi.advanceTimersByTimeAsync(10);
  expect(asked).toBe(2);
  stop();
});
