import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const outDir = resolve(import.meta.dirname, '../src/trackside/server/static');

/** The server's Content-Security-Policy allows exactly the inline script of index.html, by its hash. */
function cspHashes(): Plugin {
  return {
    name: 'csp-hashes',
    apply: 'build',
    closeBundle() {
      const html = readFileSync(resolve(outDir, 'index.html'), 'utf8');
      const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? '');
      const hashes = inline.map((code) => `sha256-${createHash('sha256').update(code).digest('base64')}`);
      writeFileSync(resolve(outDir, 'csp.json'), `${JSON.stringify({ script_hashes: hashes })}\n`);
    },
  };
}

export default defineConfig({
  // Relative, so that the same files work under any prefix; index.html's <base> names it.
  base: './',
  plugins: [cspHashes()],
  build: {
    outDir,
    emptyOutDir: true,
    manifest: true,
    // What the licences of the bundled packages ask for: their texts, served as /licenses.txt.
    license: { fileName: 'licenses.txt' },
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { '/api': process.env.TRACKSIDE_URL ?? 'http://127.0.0.1:8000' },
  },
  test: { include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
