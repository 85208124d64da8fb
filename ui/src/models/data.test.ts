import { expect, test, vi } from 'vitest';
import type { ModelVersion, RegisteredModel } from '../base/api-types';

vi.mock('../base/live', () => ({ useLive: () => {} }));
const { withAlias } = await import('./data');

const version = (number: string, aliases: string[]) => ({ version: number, aliases }) as ModelVersion;
const model = {
  aliases: { champion: '1', old: '1' },
  versions: [version('2', []), version('1', ['champion', 'old'])],
} as unknown as RegisteredModel;

test('an alias moves: one version at most has it', () => {
  const moved = withAlias(model, 'champion', '2');
  expect(moved.aliases).toEqual({ champion: '2', old: '1' });
  expect(moved.versions.map((one) => one.aliases)).toEqual([['champion'], ['old']]);
});

test('an alias is taken away', () => {
  const gone = withAlias(model, 'old', null);
  expect(gone.aliases).toEqual({ champion: '1' });
  expect(gone.versions[1]?.aliases).toEqual(['champion']);
});
