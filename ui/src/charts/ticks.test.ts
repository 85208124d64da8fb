import { expect, test } from 'vitest';
import { labels, logLabels, logTicks, numbers, STEPS, ticks } from './ticks';

const THIN = '\u2009';
const DAY = 86_400_000;

test.each([
  [5000.1, 5000.3, 0.05, `5${THIN}000.10`],
  [0.61, 0.65, 0.01, '0.61'],
  [9000, 14_000, 1000, `9${THIN}000`],
  [-3, 3, 1, '−3'],
  [0.9e30, 1.1e30, 5e28, '9e29'],
  [1e-9, 5e-9, 1e-9, '1e−9'],
  [12_000_000, 12_000_004, 1, `12${THIN}000${THIN}000`],
])('labels from %s to %s in steps of %s begin with %s and never repeat', (low, high, step, first) => {
  const places = ticks('value', low, high, step);
  expect(places.length).toBeGreaterThan(3);
  const shown = numbers(places, step);
  expect(shown[0]).toBe(first);
  expect(new Set(shown).size).toBe(shown.length);
});

test('there is a step for any size', () => {
  for (const size of [1e-200, 3e-40, 1, 1e30, 1e200]) {
    const step = STEPS.find((one) => one >= size / 5)!;
    expect(ticks('value', 0, size, step).length).toBeGreaterThan(2);
  }
});

test.each([
  [200, /^\d\d\.\d{3}$/],
  [10_000, /^\d\d:\d\d:\d\d$/],
  [300_000, /^\d\d:\d\d$/],
  [2 * DAY, /^\d\d-\d\d$/],
])('a clock with ticks every %i ms is labelled that finely', (step, form) => {
  const start = new Date(2026, 5, 3, 9, 36, 1).getTime();
  const shown = labels('time', ticks('time', start, start + 4.5 * step, step), step);
  expect(shown.length).toBeGreaterThan(3);
  for (const label of shown) expect(label).toMatch(form);
  expect(new Set(shown).size).toBe(shown.length);
});

test('days begin at midnight where the reader is, and their date stands there', () => {
  const start = new Date(2026, 5, 3, 5, 0, 0).getTime();
  for (const tick of ticks('time', start, start + 5 * DAY, DAY)) expect(new Date(tick).getHours()).toBe(0);
  expect(labels('time', ticks('time', start, start + DAY, 6 * 3_600_000), 6 * 3_600_000)).toEqual([
    '06:00',
    '12:00',
    '18:00',
    '06-04',
  ]);
});

test('time since the start has the units its step needs', () => {
  const shown = labels('relative', ticks('relative', 7_500_000, 7_540_000, 10_000), 10_000);
  expect(shown).toEqual(['2h 5m', '2h 5m 10s', '2h 5m 20s', '2h 5m 30s', '2h 5m 40s']);
  expect(labels('relative', [-60_000, 0, 500, 90_000], 500)).toEqual(['−1m', '0', '500ms', '1m 30s']);
});

test.each([
  [12_253, 2_600_000, [`20${THIN}000`, `50${THIN}000`, `100${THIN}000`]],
  [0.2, 0.85, ['0.2', '0.4', '0.6', '0.8']],
  [33.17, 48.2, ['35', '40', '45']],
  [1.00012, 1.00041, ['1.00015', '1.00020', '1.00025']],
  [1e-9, 1e-3, ['1e−9', '1e−8', '1e−7']],
  [1e-40, 1e40, ['1e−36', '1e−24', '1e−12']],
])('a log axis from %s to %s has round labels: %s', (low, high, begin) => {
  const places = logTicks(low, high);
  const shown = logLabels(places);
  expect(shown.slice(0, begin.length)).toEqual(begin);
  expect(new Set(shown).size).toBe(shown.length);
  expect(places.length).toBeGreaterThan(2);
  expect(places.length).toBeLessThan(9);
  expect(places.every((place) => place >= low && place <= high)).toBe(true);
});
