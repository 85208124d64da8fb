import { expect, test } from 'vitest';
import { at, fromMlflowHash, links } from './location';

test('segments are encoded, so a name cannot change the path', () => {
  expect(at`models/${'a/b?c'}/versions/${1}`).toBe('models/a%2Fb%3Fc/versions/1');
  expect(links.run('abc', { tab: 'metrics', q: '' })).toBe('/runs/abc?tab=metrics');
  expect(links.compare(['a', 'b'])).toBe('/compare?runs=a,b');
});

test('links that MLflow prints lead to our pages', () => {
  expect(fromMlflowHash('#/experiments/3/runs/abc')).toBe('runs/abc');
  expect(fromMlflowHash('#/experiments/3')).toBe('experiments/3');
  expect(fromMlflowHash('#/models/food11/versions/2')).toBe('models/food11/versions/2');
  expect(fromMlflowHash('#/models')).toBe('models');
  expect(fromMlflowHash('#/compare-runs?runs=["a","b"]')).toBe('compare?runs=a,b');
  expect(fromMlflowHash('#section')).toBeNull();
  expect(fromMlflowHash('#/compare-runs?runs=foo')).toBeNull();
  expect(fromMlflowHash('#/compare-runs')).toBeNull();
});
