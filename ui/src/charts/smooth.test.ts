import { expect, test } from 'vitest';
import { smooth } from './smooth';

test('weight 0 changes nothing, a constant stays a constant', () => {
  expect([...smooth([1, 5, 2], 0)]).toEqual([1, 5, 2]);
  for (const value of smooth([3, 3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 12);
});

test('the first value does not dominate', () => {
  const [first, second] = smooth([0, 10], 0.5);
  expect(first).toBe(0);
  expect(second).toBeCloseTo(10 / 1.5, 12);
});
