import { expect, test } from 'vitest';
import type { Line } from './line';
import { columns, fill, isDense, polyline, type View } from './paint';

const view: View = { width: 10, height: 11, x: [0, 9], y: [0, 10], log: false };
const line = (part: Partial<Line>): Line => ({
  runId: 'r',
  metric: 'm',
  points: 0,
  exact: true,
  x: [],
  step: [],
  time: [],
  last: [],
  min: [],
  max: [],
  marks: [],
  ...part,
});

function painted(spans: ReturnType<typeof columns>): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(view.width * view.height * 4);
  fill(pixels, view, spans, [255, 0, 0], 1);
  return pixels;
}

const lit = (pixels: Uint8ClampedArray, column: number) =>
  Array.from({ length: view.height }, (_, row) => row).filter(
    (row) => pixels[(row * view.width + column) * 4 + 3]! > 0,
  );

test('one point in a million is still a full spike in its column', () => {
  const n = 1_000_000;
  const x = Array.from({ length: n }, (_, i) => (i / n) * 9);
  const last = new Array<number>(n).fill(1);
  last[500_000] = 10;
  const pixels = painted(columns(line({ x, last }), view));
  const spike = Math.round((500_000 / n) * 9);
  expect(lit(pixels, spike)).toContain(0);
  expect(lit(pixels, 0)).toEqual([9]);
});

test('columns touch: a jump leaves no hole between neighbours', () => {
  const pixels = painted(columns(line({ x: [0, 1], last: [0, 10] }), view));
  const rows = [...lit(pixels, 0), ...lit(pixels, 1)].sort((a, b) => a - b);
  expect(rows).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('a gap in x is crossed by a straight band', () => {
  const pixels = painted(columns(line({ x: [0, 9], last: [0, 9] }), view));
  for (let column = 0; column < 10; column++) expect(lit(pixels, column)).toContain(10 - column);
});

test('buckets paint their whole envelope; what is outside the window is not painted', () => {
  const it = line({ exact: false, x: [-5, 4, 20], last: [5, 5, 5], min: [0, 2, 0], max: [9, 8, 9] });
  const pixels = painted(columns(it, view));
  expect(lit(pixels, 4)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  expect(lit(pixels, 0)).toEqual([]);
});

test('blending keeps what lies below', () => {
  const pixels = new Uint8ClampedArray(view.width * view.height * 4);
  const spans = columns(line({ x: [3], last: [5] }), view);
  fill(pixels, view, spans, [0, 0, 255], 1);
  fill(pixels, view, spans, [255, 0, 0], 0.5);
  const at = (5 * view.width + 3) * 4;
  expect([...pixels.slice(at, at + 4)]).toEqual([128, 0, 128, 255]);
});

test('on a log scale zero breaks a polyline and is left out of columns', () => {
  const log = { ...view, log: true, y: [0.1, 1000] as [number, number] };
  const calls: string[] = [];
  polyline(
    { moveTo: () => calls.push('move'), lineTo: () => calls.push('line') },
    [0, 1, 2, 3, 4],
    [1, 10, 0, 10, 1],
    log,
  );
  expect(calls).toEqual(['move', 'line', 'move', 'line']);
  expect(columns(line({ x: [2], last: [0] }), log).bottom[2]).toBe(-1);
});

test('dense means more points than pixels, or buckets', () => {
  expect(isDense(line({ x: [1, 2] }), view)).toBe(false);
  expect(isDense(line({ x: new Array(11).fill(0) }), view)).toBe(true);
  expect(isDense(line({ exact: false }), view)).toBe(true);
});
