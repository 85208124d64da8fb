import { expect, test } from 'vitest';
import { isText, kindOf, parseCsv, tableOf } from './files';

test.each([
  ['plots/roc.PNG', 'image'],
  ['table.json', 'json'],
  ['a/b.csv', 'table'],
  ['model/MLmodel', 'text'],
  ['requirements.txt', 'text'],
  ['model.pth', 'other'],
  ['report.html', 'html'],
  ['README.md', 'markdown'],
  ['a.b/noending', 'text'],
] as const)('%s is shown as %s', (path, kind) => {
  expect(kindOf(path)).toBe(kind);
});

test('bytes with a zero are no text', () => {
  expect(isText(new TextEncoder().encode('hellö\n'))).toBe(true);
  expect(isText(new Uint8Array([80, 75, 0, 1]))).toBe(false);
});

test('CSV with quotes, separators and line breaks inside fields', () => {
  expect(parseCsv('a,b\r\n1,"x, ""y""\nz"\n\n2,\n')).toEqual({
    columns: ['a', 'b'],
    rows: [
      ['1', 'x, "y"\nz'],
      ['2', ''],
    ],
  });
  expect(parseCsv('a\tb\n1\t2', '\t').rows).toEqual([['1', '2']]);
  expect(parseCsv('')).toEqual({ columns: [], rows: [] });
});

test('a table of log_table and a list of objects', () => {
  expect(
    tableOf({
      columns: ['x', 'y'],
      data: [
        [1, null],
        ['a', { b: 2 }],
      ],
    }),
  ).toEqual({
    columns: ['x', 'y'],
    rows: [
      ['1', ''],
      ['a', '{"b":2}'],
    ],
  });
  expect(tableOf([{ x: 1 }, { y: true }])).toEqual({
    columns: ['x', 'y'],
    rows: [
      ['1', ''],
      ['', 'true'],
    ],
  });
});

test('other JSON is no table', () => {
  for (const json of [null, 3, [], [1, 2], { columns: ['x'], data: {} }, { a: 1 }])
    expect(tableOf(json)).toBeNull();
});
