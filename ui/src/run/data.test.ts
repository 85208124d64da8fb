import { expect, test, vi } from 'vitest';
import type { Run } from '../base/api-types';

vi.mock('../base/live', () => ({ useLive: () => {}, OPENED: 'opened' }));
const { mergePoints } = await import('./data');

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
