import { expect, test } from 'vitest';
import type { Run } from '../base/api-types';
import { best, diff, direction, metricRows, sideBySide } from './diff';

test('parameters side by side, with what differs', () => {
  expect(
    diff([
      { lr: '0.1', seed: '1' },
      { lr: '0.2', seed: '1' },
      { seed: '1', extra: 'x' },
    ]),
  ).toEqual([
    { key: 'extra', values: [null, null, 'x'], differs: true },
    { key: 'lr', values: ['0.1', '0.2', null], differs: true },
    { key: 'seed', values: ['1', '1', '1'], differs: false },
  ]);
});

test.each([
  ['val_loss', 'lower'],
  ['testAccuracy', 'higher'],
  ['train/accuracy', 'higher'],
  ['epoch_time', 'lower'],
  ['f1', 'higher'],
  ['val_f1_macro', 'higher'],
  ['gradient_norm', null],
  ['timestep', null],
  ['glossary', null],
] as const)('%s: %s is better', (key, way) => {
  expect(direction(key)).toBe(way);
});

test('the best is marked only when there is one', () => {
  expect(best([0.5, 0.2, 0.9], 'lower')).toEqual([1]);
  expect(best([0.5, 0.9, 0.9], 'higher')).toEqual([1, 2]);
  expect(best([0.5, 0.5], 'higher')).toEqual([]);
  expect(best(['NaN', 0.5, null], 'lower')).toEqual([]);
  expect(best(['NaN', 0.5, 0.4], 'lower')).toEqual([2]);
  expect(best([1, 2], null)).toEqual([]);
});

test('metric rows keep the runs in their order', () => {
  const run = (metrics: object[]) => ({ metrics }) as unknown as Run;
  const rows = metricRows([
    run([{ key: 'loss', value: 1, min: 1, max: 5 }]),
    run([
      { key: 'loss', value: 2, min: 0.5, max: 2 },
      { key: 'acc', value: 'NaN', min: 1, max: 3 },
    ]),
  ]);
  expect(rows).toEqual([
    { key: 'acc', values: [null, 'NaN'], peaks: [null, 3], best: [], direction: 'higher', differs: true },
    { key: 'loss', values: [1, 2], peaks: [null, 0.5], best: [0], direction: 'lower', differs: true },
  ]);
});

test('a best value alone makes a difference, where the name tells what is better', () => {
  const run = (key: string, min: number) => ({ metrics: [{ key, value: 1, min, max: 1 }] }) as unknown as Run;
  expect(metricRows([run('loss', 0.1), run('loss', 0.2)])[0]?.differs).toBe(true);
  expect(metricRows([run('lr', 0.1), run('lr', 0.2)])[0]).toMatchObject({
    peaks: [null, null],
    differs: false,
  });
});

test('the comparison is one list of lines, which can leave out what is the same', () => {
  const run = (lr: string, loss: number) =>
    ({
      params: { lr, seed: '1' },
      metrics: [
        { key: 'loss', value: loss, min: loss, max: loss },
        { key: 'system/cpu', value: loss, min: loss, max: loss },
      ],
      tags: { 'mlflow.source.name': 'train.py', team: 'vision' },
      datasets: [],
      experiment_name: 'e',
      user: '',
    }) as unknown as Run;
  const text = (only: boolean) =>
    sideBySide([run('0.1', 1), run('0.2', 2)], only).map((line) =>
      line.kind === 'title' ? `${line.title}: ${line.note}` : line.key,
    );
  expect(text(false)).toEqual([
    'Parameters: 1 of 2 differ',
    'lr',
    'seed',
    'Metrics: latest values; min or max of all points where that is better',
    'loss',
    'Origin: 0 of 3 differ',
    'experiment',
    'source',
    'team',
  ]);
  expect(text(true)).toEqual([
    'Parameters: 1 of 2 differ',
    'lr',
    'Metrics: latest values; min or max of all points where that is better',
    'loss',
    'Origin: 0 of 3 differ',
  ]);
});
