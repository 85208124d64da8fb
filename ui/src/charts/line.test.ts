import { expect, test } from 'vitest';
import { append, type Line, latest, nearest, onAxis } from './line';

const line = (exact: boolean, x: number[], values: number[]): Line => ({
  runId: 'r',
  metric: 'm',
  points: x.length,
  exact,
  x: [...x],
  step: [...x],
  time: x.map((value) => value * 10),
  last: [...values],
  min: exact ? [] : [...values],
  max: exact ? [] : [...values],
  marks: [],
});

test('an exact line takes points in any order and drops twins', () => {
  const it = line(true, [1, 3], [10, 30]);
  expect(
    append(
      it,
      [
        [4, 40, 40],
        [2, 20, 20],
        [4, 40, 40],
        [3, 30, 30],
      ],
      'step',
      0,
    ),
  ).toBe(true);
  expect(it.x).toEqual([1, 2, 3, 4]);
  expect(it.last).toEqual([10, 20, 30, 40]);
  expect(it.points).toBe(4);
});

test('two values at one step are both kept, as the server keeps them', () => {
  const it = line(true, [1], [10]);
  append(it, [[1, 11, 12]], 'step', 0);
  expect(it.last).toEqual([10, 12]);
});

test('a bucketed line merges into its last bucket and keeps the spike', () => {
  const it = line(false, [0, 100, 200], [1, 1, 1]);
  expect(
    append(
      it,
      [
        [250, 2500, 9],
        [299, 2990, 2],
      ],
      'step',
      0,
    ),
  ).toBe(true);
  expect(it.x).toEqual([0, 100, 200]);
  expect([it.last[2], it.min[2], it.max[2]]).toEqual([2, 1, 9]);
  expect(append(it, [[300, 3000, 3]], 'step', 0)).toBe(true);
  expect(it.x).toEqual([0, 100, 200, 300]);
  expect(it.points).toBe(6);
});

test('a point behind the last bucket asks for the line again', () => {
  expect(append(line(false, [0, 100], [1, 1]), [[50, 500, 2]], 'step', 0)).toBe(false);
});

test('values that no line can show become marks, once', () => {
  const it = line(true, [1], [1]);
  append(
    it,
    [
      [2, 20, 'NaN'],
      [2, 20, 'NaN'],
      [3, 30, '-Infinity'],
    ],
    'step',
    0,
  );
  expect(it.marks).toEqual([
    { x: 2, kind: 'NaN' },
    { x: 3, kind: '-Infinity' },
  ]);
  expect(it.x).toEqual([1]);
});

test('the newest value is the mark where one stands after the last point', () => {
  const it = line(true, [1, 5], [10, 50]);
  it.marks = [{ x: 3, kind: 'NaN' }];
  expect(latest(it)).toBe(50);
  it.marks = [
    { x: 7, kind: 'Infinity' },
    { x: 6, kind: 'NaN' },
  ];
  expect(latest(it)).toBe('Infinity');
  expect(latest(line(true, [], []))).toBeUndefined();
});

test('the axis decides x', () => {
  expect(onAxis('step', 7, 1500, 1000)).toBe(7);
  expect(onAxis('time', 7, 1500, 1000)).toBe(1500);
  expect(onAxis('relative', 7, 1500, 1000)).toBe(500);
});

test('nearest point', () => {
  expect(nearest([], 1)).toBe(-1);
  expect(nearest([0, 10, 20], 14)).toBe(1);
  expect(nearest([0, 10, 20], 16)).toBe(2);
  expect(nearest([0, 10, 20], -5)).toBe(0);
  expect(nearest([0, 10, 20], 99)).toBe(2);
});
