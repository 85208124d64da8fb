import { expect, test } from 'vitest';
import { isSeen } from './live';

test('an event that came before is known by its number', () => {
  expect(isSeen('ab12-9', 'ab12-10')).toBe(true);
  expect(isSeen('ab12-10', 'ab12-10')).toBe(true);
  expect(isSeen('ab12-11', 'ab12-10')).toBe(false);
});

test('a restarted server counts anew, and nothing of it has been seen', () => {
  expect(isSeen('cd34-1', 'ab12-10')).toBe(false);
  expect(isSeen('ab12-1', '')).toBe(false);
});
