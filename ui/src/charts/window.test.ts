import { expect, test } from 'vitest';
import type { Line } from './line';
import {
  bucketsFor,
  padded,
  sections,
  selected,
  systemSections,
  titleOf,
  unitOf,
  xExtent,
  yExtent,
} from './window';

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

test('two buckets a pixel, in coarse steps, within the limit', () => {
  expect(bucketsFor(400)).toBe(800);
  expect(bucketsFor(401)).toBe(1000);
  expect(bucketsFor(10)).toBe(400);
  expect(bucketsFor(9000)).toBe(4000);
});

test('x spans all lines and marks', () => {
  expect(xExtent([line({ x: [1, 5] }), line({ marks: [{ x: 9, kind: 'NaN' }] })])).toEqual([1, 9]);
  expect(xExtent([line({})])).toBeNull();
});

test('y uses the envelope of buckets and only what is in the window', () => {
  const it = line({ exact: false, x: [0, 1, 2], last: [5, 5, 5], min: [4, -3, 4], max: [6, 50, 6] });
  expect(yExtent([it], [0, 2], false)).toEqual([-3, 50]);
  expect(yExtent([it], [2, 2], false)).toEqual([4, 6]);
  expect(yExtent([it], [0, 2], true)).toEqual([4, 50]);
});

test('flat lines and no lines still get a range', () => {
  expect(padded([3, 3], false)).toEqual([2.7, 3.3]);
  expect(padded([0, 0], false)).toEqual([-1, 1]);
  expect(padded(null, true)).toEqual([0.1, 10]);
  const [low] = padded([0.02, 1], false);
  expect(low).toBeGreaterThan(-0.05);
});

test('a click is no selection; dragging to the left is one', () => {
  expect(selected(3, 3.1, 2)).toBeNull();
  expect(selected(9, 3, 80)).toEqual([3, 9]);
});

test('keys group by prefix, in natural order', () => {
  expect(sections(['loss', 'train/loss', 'layer10/w', 'layer2/w', 'train/acc', 'a/b/c'])).toEqual([
    { name: '', keys: ['loss'] },
    { name: 'a/b', keys: ['a/b/c'] },
    { name: 'layer2', keys: ['layer2/w'] },
    { name: 'layer10', keys: ['layer10/w'] },
    { name: 'train', keys: ['train/loss', 'train/acc'] },
  ]);
});

test('system metrics group by device', () => {
  const keys = [
    'system/cpu_utilization_percentage',
    'system/gpu_0_power_usage_watts',
    'system/gpu_1_x',
    'system/odd',
  ];
  const more = Array.from({ length: 16 }, (_, i) => `system/gpu_1_${i}`);
  expect(systemSections([...keys, ...more]).map((section) => section.name)).toEqual([
    'CPU',
    'GPU 0',
    'GPU 1',
    'Other',
  ]);
  expect(systemSections(keys)).toEqual([{ name: '', keys }]);
});

test('units and titles come from the key', () => {
  expect(unitOf('system/cpu_utilization_percentage')).toBe('%');
  expect(unitOf('system/network_receive_megabytes')).toBe('MB');
  expect(unitOf('epoch_time')).toBe('s');
  expect(unitOf('loss')).toBe('');
  expect(titleOf('system/cpu_utilization_percentage')).toBe('cpu_utilization');
  expect(titleOf('train/loss')).toBe('loss');
});

test('no two metrics look the same: what the title leaves out, the unit says', () => {
  const keys = [
    'system/system_memory_usage_megabytes',
    'system/system_memory_usage_percentage',
    'system/gpu_0_power_usage_watts',
    'system/gpu_0_power_usage_percentage',
    'system/disk_usage_percentage',
    'system/disk_usage_megabytes',
    'system/disk_usage_gigabytes',
    'system/disk_usage_bytes',
    'latency',
    'latency_s',
    'latency_sec',
    'latency_seconds',
    'latency_ms',
    'gpu_celsius',
  ];
  const looks = keys.map((key) => `${titleOf(key)} ${unitOf(key)}`);
  expect(new Set(looks).size).toBe(keys.length);
  expect(looks).toContain('gpu_0_power_usage W');
});
