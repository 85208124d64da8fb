import { expect, test } from 'vitest';
import { type Command, keyCaps, keyName, matchKey, search } from './commands';

const press = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });
const command = (id: string, keys: string): Command => ({ id, name: id, section: '', keys, run: () => {} });

test('mod is the control key, or the command key on a Mac', () => {
  expect(keyName(press('k', { ctrlKey: true }), false)).toBe('mod+k');
  expect(keyName(press('k', { metaKey: true }), true)).toBe('mod+k');
  expect(keyName(press('k', { metaKey: true }), false)).toBe('');
  expect(keyName(press('?'), false)).toBe('?');
  expect(keyCaps('mod+k', false)).toEqual(['Ctrl', 'K']);
  expect(keyCaps('g e')).toEqual(['G', 'E']);
});

test('a sequence waits for its second key and gives way to another start', () => {
  const list = [command('experiments', 'g e'), command('help', '?')];
  expect(matchKey(list, '', 'g')).toEqual({ command: null, pending: 'g' });
  expect(matchKey(list, 'g', 'e').command?.id).toBe('experiments');
  expect(matchKey(list, 'g', '?').command?.id).toBe('help');
  expect(matchKey(list, '', 'x')).toEqual({ command: null, pending: '' });
});

test('the page shadows the shell', () => {
  expect(matchKey([command('shell', 'c'), command('page', 'c')], '', 'c').command?.id).toBe('page');
});

test('search wants every word and prefers beginnings', () => {
  const names = ['val_loss', 'loss', 'train accuracy', 'total loss'];
  expect(search(names, (name) => name, 'loss')).toEqual(['loss', 'val_loss', 'total loss']);
  expect(search(names, (name) => name, 'acc train')).toEqual(['train accuracy']);
  expect(search(names, (name) => name, 'zzz')).toEqual([]);
});
