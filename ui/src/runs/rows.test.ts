import { expect, test } from 'vitest';
import type { RunsPage } from '../base/api-types';
import { depths, extent, pagesFor, type Row, rowOf, select } from './rows';

const page: RunsPage = {
  total: 2,
  total_is_exact: true,
  run_ids: ['a', 'b'],
  names: ['first', 'second'],
  experiment_ids: ['1', '1'],
  statuses: ['RUNNING', 'FAILED'],
  start_ms: [1, null],
  end_ms: [null, 3],
  parent_run_ids: [null, 'a'],
  cells: { 'metrics.loss': [0.5, 'NaN'], 'params.lr': ['0.1', null] },
};

test('a page by columns becomes rows', () => {
  expect(rowOf(page, 1)).toEqual({
    id: 'b',
    name: 'second',
    experimentId: '1',
    status: 'FAILED',
    start: null,
    end: 3,
    parent: 'a',
    cells: { 'metrics.loss': 'NaN', 'params.lr': null },
  });
  expect(rowOf(page, 2)).toBeNull();
});

test('only pages near the view are asked for', () => {
  expect(pagesFor(0, 20, 100_000)).toEqual([0]);
  expect(pagesFor(0, 60, 100_000)).toEqual([0, 100]);
  expect(pagesFor(120, 150, 100_000)).toEqual([0, 100, 200]);
  expect(pagesFor(99_980, 99_999, 100_000)).toEqual([99_900]);
  expect(pagesFor(0, -1, 0)).toEqual([0]);
});

test('the length of a list that the server stopped counting', () => {
  const full = { ...page, total: 10_000, total_is_exact: false, run_ids: new Array(100).fill('x') };
  const short = { ...full, run_ids: ['x', 'y'] };
  expect(extent([], 5)).toBeNull();
  expect(extent([[0, page]], 99)).toEqual({ rows: 2, exact: true });
  expect(extent([[0, full]], 100_000)).toEqual({ rows: 100_000, exact: true });
  expect(extent([[0, full]], null)).toEqual({ rows: 10_000, exact: false });
  expect(
    extent(
      [
        [0, full],
        [9900, full],
      ],
      null,
    ),
  ).toEqual({ rows: 10_100, exact: false });
  expect(
    extent(
      [
        [10_000, short],
        [0, full],
      ],
      null,
    ),
  ).toEqual({ rows: 10_002, exact: true });
});

test('nested runs are indented under a parent that stands above them', () => {
  const row = (id: string, parent: string | null) => ({ id, parent }) as Row;
  const map = depths([row('a', null), row('b', 'a'), row('c', 'b'), row('d', 'elsewhere')]);
  expect([...map.values()]).toEqual([0, 1, 2, 0]);
});

test('clicks toggle, Shift takes everything between', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const idAt = (index: number) => ids[index];
  const one = select(new Set(), 'b', null);
  expect([...one]).toEqual(['b']);
  expect([...select(one, 'b', null)]).toEqual([]);
  expect([...select(one, 'd', { from: 1, to: 3, idAt })].sort()).toEqual(['b', 'c', 'd']);
  expect([...select(one, 'a', { from: 1, to: 0, idAt })].sort()).toEqual(['a', 'b']);
});
