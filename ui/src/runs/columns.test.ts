import { expect, test } from 'vitest';
import {
  columnName,
  defaultColumns,
  extremeName,
  formatSort,
  NEWEST,
  nextSort,
  parseColumn,
  parseSort,
  shownColumns,
  withColumn,
} from './columns';

test.each(['loss', 'train/loss', 'batch size', 'a.b', 'ä', '9lives', 'x-y'])('column of key %s', (key) => {
  const name = columnName('metrics', key);
  expect(parseColumn(name)).toEqual({ name, group: 'metrics', key, label: key });
  const least = extremeName('min', key);
  expect(parseColumn(least)).toEqual({
    name: least,
    group: 'metrics',
    key,
    extreme: 'min',
    label: `min ${key}`,
  });
});

test('only keys of the search language are columns', () => {
  expect(columnName('params', 'batch size')).toBe('params.`batch size`');
  expect(parseColumn('attributes.status')).toBeNull();
  expect(parseColumn('nonsense')).toBeNull();
  expect(extremeName('max', 'batch size')).toBe('max(metrics.`batch size`)');
  expect(parseColumn('min(params.lr)')).toBeNull();
  expect(parseColumn('median(metrics.loss)')).toBeNull();
});

test('a table nobody set up shows results and settings, no system metrics', () => {
  const metrics = ['acc', 'loss', 'system/cpu', ...Array.from({ length: 20 }, (_, i) => `z${i}`)];
  const known = { metrics, params: ['a', 'b', 'c', 'd', 'e'], tags: ['t'] };
  const names = defaultColumns(known);
  expect(names).toHaveLength(10);
  expect(names).not.toContain('metrics.system/cpu');
  expect(names.slice(-4)).toEqual(['params.a', 'params.b', 'params.c', 'params.d']);
  expect(
    defaultColumns({ metrics: ['a/b', 'train_loss', 'val_loss', 'test_loss'], params: [], tags: [] }),
  ).toEqual(['metrics.test_loss', 'metrics.val_loss', 'metrics.train_loss', 'metrics.a/b']);
  expect(shownColumns(['tags.t'], known).map((column) => column.key)).toEqual(['t']);
  expect(shownColumns([], known)).toEqual([]);
  expect(shownColumns(null, undefined)).toEqual([]);
});

test('a new column stands beside the others of its metric', () => {
  const shown = ['metrics.acc', 'metrics.loss', 'params.loss'];
  expect(withColumn(shown, 'min(metrics.acc)')).toEqual([
    'metrics.acc',
    'min(metrics.acc)',
    'metrics.loss',
    'params.loss',
  ]);
  expect(withColumn(['metrics.a', 'min(metrics.a)', 'tags.t'], 'max(metrics.a)')[2]).toBe('max(metrics.a)');
  expect(withColumn(shown, 'tags.loss')).toEqual([...shown, 'tags.loss']);
});

test('sorting by click', () => {
  expect(nextSort(NEWEST, 'metrics.loss')).toEqual({ name: 'metrics.loss', descending: true });
  expect(nextSort(NEWEST, 'max(metrics.acc)').descending).toBe(true);
  expect(nextSort(NEWEST, 'min(metrics.loss)').descending).toBe(false);
  expect(nextSort(NEWEST, 'params.lr')).toEqual({ name: 'params.lr', descending: false });
  expect(nextSort(NEWEST, NEWEST.name).descending).toBe(false);
  expect(parseSort(formatSort({ name: 'params.`a b`', descending: true }))).toEqual({
    name: 'params.`a b`',
    descending: true,
  });
  expect(parseSort('')).toEqual(NEWEST);
});
