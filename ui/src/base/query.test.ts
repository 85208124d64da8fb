import { QueryObserver } from '@tanstack/query-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cache, stale } from './query';

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
