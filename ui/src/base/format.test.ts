import { expect, test } from 'vitest';
import { ago, bytes, count, dateTime, duration, exact, number } from './format';

test.each([
  [0.123456, '0.1235'],
  [0.5, '0.5'],
  [1200, '1\u2009200'],
  [12345.678, '12\u2009346'],
  [-0.25, '−0.25'],
  [0.00001234, '1.234e-5'.replace('-', '−')],
  [1e-5, '1e−5'],
  [2257984, '2\u2009257\u2009984'],
  [1.5e12, '1.5e12'],
  ['NaN', 'NaN'],
  ['Infinity', '∞'],
  ['-Infinity', '−∞'],
  [null, '–'],
] as const)('number %s is shown as %s', (value, shown) => {
  expect(number(value)).toBe(shown);
});

test('the exact value keeps every digit', () => {
  expect(exact(0.1 + 0.2)).toBe('0.30000000000000004');
});

test.each([
  [85, '85ms'],
  [4200, '4.2s'],
  [59_600, '1m 00s'],
  [192_000, '3m 12s'],
  [7_500_000, '2h 05m'],
  [90_000_000, '1d 01h'],
  [null, '–'],
])('duration %s is shown as %s', (ms, shown) => {
  expect(duration(ms)).toBe(shown);
});

test('relative times', () => {
  const now = 1_700_000_000_000;
  expect(ago(now - 3000, now)).toBe('just now');
  expect(ago(now - 42_000, now)).toBe('42 s ago');
  expect(ago(now - 5 * 60e3, now)).toBe('5 min ago');
  expect(ago(now - 3 * 86400e3, now)).toBe('3 d ago');
  expect(ago(now - 800 * 86400e3, now)).toBe('2 y ago');
  expect(ago(null, now)).toBe('–');
});

test('sizes, counts and dates', () => {
  expect(bytes(999)).toBe('999 B');
  expect(bytes(9_200_000)).toBe('9.2 MB');
  expect(bytes(123_456_789)).toBe('123 MB');
  expect(bytes(null)).toBe('');
  expect(count(1, 'run')).toBe('1 run');
  expect(count(2, 'run')).toBe('2 runs');
  expect(dateTime(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe('2026-01-02 03:04:05');
});
