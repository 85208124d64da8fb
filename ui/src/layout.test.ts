import { readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** One screenful, with the JSX; tests/test_layout.py has the limit of a module. */
const FUNCTION_LINES = 80;

/** `file:line name`, lines of each function that a file declares; functions inside count as part of it. */
function functionLengths(file: string, source: string): [string, number][] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const line = (position: number) => tree.getLineAndCharacterOfPosition(position).line + 1;
  const found: [string, number][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = line(node.getStart(tree));
      found.push([`${file}:${first}`, line(node.end) - first + 1]);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'))
  .map((file): [string, string] => [file, readFileSync(resolve(import.meta.dirname, file), 'utf8')]);

test(`functions stay under ${FUNCTION_LINES} lines`, () => {
  const lengths = sources.flatMap(([file, source]) => functionLengths(file, source));
  expect(lengths.length).toBeGreaterThan(500);
  expect(lengths.filter(([, lines]) => lines > FUNCTION_LINES)).toEqual([]);
});

test('a function is as long as all its lines, JSX and inner functions too', () => {
  const source =
    'const a = 1;\nfunction F() {\n  const g = () => {\n  };\n  return (\n    <p>\n      x\n    </p>\n  );\n}\n';
  expect(functionLengths('f.tsx', source)).toEqual([
    ['f.tsx:2', 9],
    ['f.tsx:3', 2],
  ]);
});

/** `file: class` for each class that a file takes from a style sheet which does not have it. */
function unknownClasses(file: string, source: string): string[] {
  return [...source.matchAll(/import (\w+) from '(.+\.module\.css)';/g)].flatMap(([, name, path]) => {
    const sheet = readFileSync(resolve(import.meta.dirname, dirname(file), path!), 'utf8');
    const known = new Set([...sheet.matchAll(/\.([A-Za-z]\w*)/g)].map((match) => match[1]));
    const used = [...source.matchAll(new RegExp(`\\b${name}\\.(?!module\\b)(\\w+)`, 'g'))].map(
      (match) => match[1],
    );
    return used.filter((one) => !known.has(one)).map((one) => `${file}: ${name}.${one}`);
  });
}

// The types know nothing of classes: a wrong one is "undefined" on the page.
test('every class that is used is in its style sheet', () => {
  expect(sources.flatMap(([file, source]) => unknownClasses(file, source))).toEqual([]);
  const wrong = "import css from './shell.module.css';\nconst a = css.header + css.nothing;";
  expect(unknownClasses('shell/a.tsx', wrong)).toEqual(['shell/a.tsx: css.nothing']);
});
