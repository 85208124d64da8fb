import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { SeriesAnswer } from '../base/api-types';
import { decoded } from './wire';

const golden = (name: string) => readFileSync(resolve(import.meta.dirname, 'golden', name));
const compact = (axis: string) => new Uint8Array(golden(`${axis}.bin`)).buffer;

/** What JSON says of the same lines. Both files are the server's: tests/unit/test_series_golden.py makes them. */
const plain = (axis: string) =>
  (JSON.parse(golden(`${axis}.json`).toString()) as SeriesAnswer).series.map((series) => {
    const { run_id: runId, time_ms: time, ...rest } = series;
    return { runId, time, ...rest };
  });

test.each(['step', 'time', 'relative'] as const)(
  'both forms of an answer are the same lines, by %s',
  (axis) => {
    const lines = decoded(compact(axis), axis);
    const expected = plain(axis);
    expect(lines.map((line) => line.metric)).toEqual(expected.map((line) => line.metric));
    lines.forEach((line, index) => {
      const { min, max, ...rest } = expected[index]!;
      expect(line).toEqual({ ...rest, min: expect.anything(), max: expect.anything() });
      expect([line.min.length, line.max.length]).toEqual([min.length, max.length]);
      min.forEach((value, at) => {
        // Four bytes hold seven digits; rounded outwards, so that no spike is cut.
        expect(line.min[at]).toBeLessThanOrEqual(value);
        expect(value - line.min[at]!).toBeLessThanOrEqual(Math.abs(value) * 1.2e-7);
        expect(line.max[at]).toBeGreaterThanOrEqual(max[at]!);
        expect(line.max[at]! - max[at]!).toBeLessThanOrEqual(Math.abs(max[at]!) * 1.2e-7);
      });
    });
  },
);

test('a value too great or too small for four bytes comes in eight', () => {
  const of = (metric: string) => decoded(compact('step'), 'step').find((line) => line.metric === metric)!;
  expect(of('tokens').max.at(-1)).toBe(123_456_789);
  expect(of('huge').max.at(-1)).toBe(1e300);
  expect(of('tiny').min[0]).toBeCloseTo(1e-50, 60);
  expect(of('tiny').min[0]).toBeGreaterThan(0);
});

test('an answer without lines', () => {
  const head = new TextEncoder().encode('{"series":[]}   ');
  const bytes = new Uint8Array(8 + head.length);
  bytes.set([...new TextEncoder().encode('TSS1'), head.length, 0, 0, 0]);
  bytes.set(head, 8);
  expect(decoded(bytes.buffer, 'step')).toEqual([]);
});

test('what is something else is refused in words', () => {
  const text = (words: string) => new TextEncoder().encode(words).buffer;
  expect(() => decoded(text('{"series": []}'), 'step')).toThrow('Load the page again');
  expect(() => decoded(text('TSS1'), 'step')).toThrow('Load the page again');
  expect(() => decoded(compact('step').slice(0, 1500), 'step')).toThrow();
});
