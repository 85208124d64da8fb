// Sizes of the build against UI budgets; exit code 1 over them. Run by `npm run build`.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_LOAD_KB = 80;
const ALL_KB = 150;
const DEPENDENCIES = 12;

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(here, '../../src/trackside/server/static');
const manifest = JSON.parse(readFileSync(resolve(out, '.vite/manifest.json'), 'utf8'));
const size = (file) => gzipSync(readFileSync(resolve(out, file)), { level: 9 }).length / 1024;

/** A chunk with what it imports statically: what the browser fetches before it runs. */
function filesOf(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const style of chunk.css ?? []) seen.add(style);
  for (const other of chunk.imports ?? []) filesOf(other, seen);
  return seen;
}

const code = (file) => /\.(js|css)$/.test(file);
const sum = (files) => [...files].filter(code).reduce((total, file) => total + size(file), 0);
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const screens = Object.keys(manifest).filter((key) => /Page\.tsx$/.test(key));
// A first load is the shell with any one screen.
const first = Math.max(
  ...[[], ...screens.map((key) => [...filesOf(key)])].map((files) =>
    sum(new Set([...filesOf(entry), ...files])),
  ),
);
const everything = sum(
  new Set(Object.values(manifest).flatMap((chunk) => [chunk.file, ...(chunk.css ?? [])])),
);
const dependencies = Object.keys(
  JSON.parse(readFileSync(resolve(here, '../package.json'), 'utf8')).dependencies,
).length;

const checks = [
  ['first load, gzip kB', first, FIRST_LOAD_KB],
  ['all chunks, gzip kB', everything, ALL_KB],
  ['runtime dependencies', dependencies, DEPENDENCIES],
];
let failed = false;
for (const [name, value, limit] of checks) {
  failed ||= value > limit;
  console.log(`${value > limit ? 'OVER' : 'ok  '} ${name}: ${Number(value.toFixed(1))} of ${limit}`);
}
process.exit(failed ? 1 : 0);
