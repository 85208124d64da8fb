import { expect, test, vi } from 'vitest';
import type { Event, Run } from '../base/api-types';

let answer = (_: Run) => {};
vi.mock('../base/api', async (original) => ({
  ...(await original<object>()),
  get: () => new Promise<Run>((resolve) => (answer = resolve)),
}));
vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 16));
const { heardMs, inFrames, mergePoints, readRun } = await import('./points');

const run = {
  metrics: [{ key: 'loss', value: 0.5, step: 10, timestamp_ms: 100, min: 0.5, max: 2 }],
} as unknown as Run;
const metric = (merged: Run, key: string) => merged.metrics.find((one) => one.key === key);

test('latest is the greatest step, then time, then value', () => {
  expect(metric(mergePoints(run, { loss: [[11, 90, 0.7]] }), 'loss')).toMatchObject({ value: 0.7, step: 11 });
  expect(metric(mergePoints(run, { loss: [[9, 500, 0.1]] }), 'loss')).toMatchObject({
    value: 0.5,
    step: 10,
    min: 0.1,
  });
  expect(metric(mergePoints(run, { loss: [[10, 100, 0.6]] }), 'loss')).toMatchObject({ value: 0.6 });
});

test('NaN can be the latest, never an extreme', () => {
  const merged = mergePoints(run, { loss: [[12, 120, 'NaN']] });
  expect(metric(merged, 'loss')).toMatchObject({ value: 'NaN', min: 0.5, max: 2 });
});

test('a new metric takes its place in the order', () => {
  const merged = mergePoints(run, { acc: [[1, 1, 'Infinity']] });
  expect(merged.metrics.map((one) => one.key)).toEqual(['acc', 'loss']);
  expect(metric(merged, 'acc')).toMatchObject({ value: 'Infinity', min: null, max: null });
});

test('the run itself is not changed in place', () => {
  mergePoints(run, { loss: [[11, 90, 9]] });
  expect(run.metrics[0]?.max).toBe(2);
});

test('an answer that was read before a point came does not take the point away', async () => {
  const shown: unknown[] = [];
  const add = inFrames((id, points) => shown.push([id, points]));
  const reading = readRun('r', new AbortController().signal);
  const event = (id: string, step: number, value: number): Event => ({
    kind: 'metrics',
    topic: `run:${id}`,
    run_id: id,
    points: { loss: [[step, 100 + step, value]] },
  });
  add(event('r', 11, 222));
  add(event('r', 12, 333));
  add(event('other', 99, 9));
  answer(run);
  expect(metric(await reading, 'loss')).toMatchObject({ value: 333, step: 12, max: 333 });
  await vi.waitFor(() => expect(shown).toHaveLength(2));
  expect(shown[0]).toEqual([
    'r',
    {
      loss: [
        [11, 111, 222],
        [12, 112, 333],
      ],
    },
  ]);
});

test('a run was last heard of at its newest point, or at its start', () => {
  const silent = { start_ms: 50, metrics: [] } as unknown as Run;
  expect(heardMs(silent)).toBe(50);
  expect(heardMs(mergePoints(silent, { loss: [[1, 900, 1]], acc: [[1, 700, 1]] }))).toBe(900);
  expect(heardMs({ ...silent, start_ms: null })).toBeNull();
});
