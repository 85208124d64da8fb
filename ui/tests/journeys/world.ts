import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { test as base, expect, type Page, type Request } from '@playwright/test';

const ROOT = resolve(import.meta.dirname, '../../..');
const PYTHON = process.env.TRACKSIDE_PYTHON ?? resolve(ROOT, '.venv/bin/python');

/** What tests/ui/seed.py printed. */
export interface Seed {
  experiment: string;
  run: string;
  trials: string[];
  crowd: string;
  many: number;
}

export const seed = JSON.parse(process.env.TRACKSIDE_SEED ?? '{}') as Seed;
export const serverUrl = process.env.TRACKSIDE_URL ?? 'http://127.0.0.1:8000';

/** The real mlflow client in a process of its own, steered line by line (tests/ui/live.py). */
export class Trainer {
  private readonly process: ChildProcess;
  private readonly lines: Interface;

  constructor(uri: string) {
    this.process = spawn(PYTHON, [resolve(ROOT, 'tests/ui/live.py'), uri], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.lines = createInterface({ input: this.process.stdout! });
  }

  private async ask(command: object): Promise<Record<string, string>> {
    const answer = once(this.lines, 'line');
    this.process.stdin!.write(`${JSON.stringify(command)}\n`);
    return JSON.parse((await answer)[0] as string);
  }

  async start(experiment: string, name: string): Promise<{ run: string; experiment: string }> {
    return (await this.ask({ do: 'start', experiment, name })) as { run: string; experiment: string };
  }

  async log(run: string, step: number, metrics: Record<string, number | string>): Promise<void> {
    await this.ask({ do: 'log', run, step, metrics });
  }

  async end(run: string, status = 'FINISHED'): Promise<void> {
    await this.ask({ do: 'end', run, status });
  }

  close(): void {
    this.process.kill();
  }
}

/** A server of one's own, which a test may stop and start again. */
export class Server {
  private process: ChildProcess | null = null;
  url = '';

  constructor(private readonly folder: string) {}

  async start(port = 0): Promise<void> {
    const command = ['-m', 'trackside', 'server', '--port', String(port), '--data-dir', this.folder];
    const started = spawn(PYTHON, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = started;
    const [line] = (await once(createInterface({ input: started.stdout! }), 'line')) as [string];
    this.url = line.match(/http:\/\/[\d.]+:\d+/)?.[0] ?? '';
    if (!this.url) throw new Error(`The server said: ${line}`);
  }

  async kill(): Promise<void> {
    const ended = once(this.process!, 'exit');
    this.process!.kill('SIGKILL');
    await ended;
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** Every rule that axe finds broken on the page as it is now. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (options: object) => Promise<{ violations: Violation[] }> };
    };
    return (await axe.run({ resultTypes: ['violations'] })).violations;
  });
  return found.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`),
  );
}

/** Fails a test when the page logged an error or threw one. `allowed` names what the test provokes itself. */
export const test = base.extend<{ allowed: RegExp }>({
  allowed: [/^$/, { option: true }],
  page: async ({ page, allowed }, use) => {
    const errors: string[] = [];
    const note = (text: string) => {
      if (!allowed.test(text)) errors.push(text);
    };
    const writing = new Set<Request>();
    page.on('request', (request) => request.method() !== 'GET' && writing.add(request));
    page.on('requestfinished', (request) => writing.delete(request));
    page.on('requestfailed', (request) => writing.delete(request));
    const reload = page.reload.bind(page);
    page.reload = async (options) => {
      // A reload breaks off what was shown as done and is still being sent.
      await page.evaluate(() => new Promise(requestAnimationFrame));
      await expect.poll(() => writing.size).toBe(0);
      return reload(options);
    };
    page.on('pageerror', (error) => note(`${error.message}\n${error.stack}`));
    page.on('console', (message) => message.type() === 'error' && note(message.text()));
    await use(page);
    expect(errors).toEqual([]);
  },
});

export { expect };

/** Opaque pixels of a chart's own canvas: more than nothing was drawn. */
export async function painted(page: Page, metric: string): Promise<number> {
  return page
    .locator(`[data-metric="${metric}"] .u-wrap > canvas`)
    .last()
    .evaluate((node) => {
      const canvas = node as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let opaque = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) opaque++;
      return opaque;
    });
}
