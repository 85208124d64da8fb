import { expect, test } from 'vitest';
import { flag, list, number, oneOf, screen, text } from './url';

const view = screen({
  filter: text(),
  sort: text('attributes.start_time DESC'),
  cols: list(),
  axis: oneOf(['step', 'time', 'relative'] as const),
  x0: number(),
  diff: flag(),
});

test('defaults are left out and come back', () => {
  const state = view.parse('');
  expect(state).toEqual({
    filter: '',
    sort: 'attributes.start_time DESC',
    cols: null,
    axis: 'step',
    x0: null,
    diff: false,
  });
  expect(view.format(state)).toBe('');
});

test('every value survives the round trip', () => {
  const state = {
    filter: "metrics.loss < 0.5 AND tags.`a b` = 'x,y&z=1'",
    sort: '',
    cols: ['metrics.a,b', 'params.c\\d', 'tags.ä/b'],
    axis: 'time' as const,
    x0: -1.5e-7,
    diff: true,
  };
  expect(view.parse(view.format(state))).toEqual(state);
});

test('an empty list differs from no list', () => {
  const none = view.format({ ...view.parse(''), cols: [] });
  expect(none).toBe('cols=');
  expect(view.parse(none).cols).toEqual([]);
});

test('keys of other owners stay, nonsense falls back', () => {
  expect(view.format(view.parse('axis=moon&x0=abc'), 'tab=metrics')).toBe('tab=metrics');
});
