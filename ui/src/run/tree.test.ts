import { expect, test, vi } from 'vitest';
import type { ArtifactFile } from '../base/api-types';
import { addressOf, below, type Folder, filesAt, filesOfModel, foldersAbove, placeOf } from './tree';

const dir = (path: string): ArtifactFile => ({ path, is_dir: true, size_bytes: null });
const file = (path: string): ArtifactFile => ({ path, is_dir: false, size_bytes: 1 });
const folder = (...files: ArtifactFile[]): Folder => ({
  data: { root_uri: '', files },
  error: null,
  retry: () => {},
});
const own = filesAt('runs/r/artifacts');

test('the tree is a list: open folders are followed by what they hold', () => {
  const folders: Record<string, Folder> = {
    '': folder(dir('a'), dir('model'), dir('shut'), file('z.txt')),
    a: folder(dir('a/b'), file('a/c.txt')),
    'a/b': folder(),
    model: folder(file('model/MLmodel')),
  };
  const open = new Set(['a', 'a/b', 'model']);
  const lines = below(own, '', 0, open, (address) => folders[address]);
  expect(
    lines.map((node) => `${' '.repeat(node.depth)}${node.kind === 'entry' ? node.name : `(${node.text})`}`),
  ).toEqual(['a', ' b', '  (Empty folder)', ' c.txt', 'model', ' MLmodel', 'shut', 'z.txt']);
  expect(lines.filter((node) => node.kind === 'entry' && node.isModel).map((node) => node.address)).toEqual([
    'model',
  ]);
  expect(new Set(lines.map((node) => node.address)).size).toBe(lines.length);
});

test('a folder that is on its way, or cannot be listed, says so in its place', () => {
  const retry = vi.fn();
  const folders: Record<string, Folder> = {
    '': folder(dir('a'), dir('b')),
    a: { data: undefined, error: new Error('no disk'), retry },
  };
  const lines = below(own, '', 0, new Set(['a', 'b']), (address) => folders[address]);
  expect(lines.map((node) => (node.kind === 'note' ? [node.text, node.retry] : node.name))).toEqual([
    'a',
    ['no disk', retry],
    'b',
    ['Loading…', null],
  ]);
});

test('an address leads to a run’s file or to a logged model’s, and back', () => {
  const model = filesOfModel('m-1');
  expect(addressOf(model, '')).toBe('models:/m-1');
  expect(addressOf(model, 'data/x.txt')).toBe('models:/m-1/data/x.txt');
  expect(addressOf(own, 'data/x.txt')).toBe('data/x.txt');
  for (const address of ['models:/m-1', 'models:/m-1/data/x.txt', 'data/x.txt', '']) {
    const { store, path } = placeOf(address, own);
    expect(addressOf(store, path)).toBe(address);
  }
  expect(placeOf('models:/m-1/data/x.txt', own)).toMatchObject({
    store: { key: 'models:/m-1' },
    path: 'data/x.txt',
  });
  expect(foldersAbove('a/b/c.txt')).toEqual(['a', 'a/b']);
  expect(foldersAbove('models:/m-1/data/x.txt')).toEqual(['models:/m-1', 'models:/m-1/data']);
  expect(foldersAbove('models:/m-1')).toEqual([]);
  expect(foldersAbove('x')).toEqual([]);
});
