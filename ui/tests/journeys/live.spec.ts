import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, Server, serverUrl, Trainer, test } from './world';

let trainer: Trainer;
test.beforeAll(() => {
  trainer = new Trainer(serverUrl);
});
test.afterAll(() => trainer.close());

test('a run appears, its points arrive, it ends: without a reload', async ({ page }) => {
  const { experiment, run: first } = await trainer.start('live/table', 'first');
  await page.goto(`/experiments/${experiment}`);
  await expect(page.getByRole('link', { name: 'first' })).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  const { run } = await trainer.start('live/table', 'second');
  await expect(page.getByRole('link', { name: 'second' })).toBeVisible();
  await trainer.end(first, 'FAILED');
  await expect(page.getByRole('row', { name: /first/ })).toContainText('Failed');

  await page.getByRole('link', { name: 'second' }).click();
  await expect(page.getByText('None yet. mlflow.log_metric adds them, live.')).toBeVisible();
  await page.getByRole('link', { name: /Model metrics/ }).click();
  await expect(page.getByText('No metrics yet.')).toBeVisible();
  await trainer.log(run, 1, { loss: 0.9, acc: 0.1 });
  const chart = page.locator('[data-metric="loss"]');
  await expect(chart).toContainText('0.9');
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('series/query')) asked.push(request.url());
  });
  for (let step = 2; step <= 12; step++) await trainer.log(run, step, { loss: 1 / step, acc: step / 12 });
  await expect(chart).toContainText('0.08333');
  await chart.getByRole('button', { name: 'Show as table' }).click();
  await expect(chart.getByRole('row')).toHaveCount(13); // header and twelve points, none lost, none twice
  expect(asked.length).toBeLessThanOrEqual(2); // points come over the stream, not by asking again
  await trainer.log(run, 13, { loss: 'NaN' });
  await trainer.end(run);
  await expect(page.getByRole('main').getByText('Finished').first()).toBeVisible();
});

test('new runs do not move the rows under a reader', async ({ page }) => {
  const names = Array.from({ length: 60 }, (_, index) => `row-${String(index).padStart(2, '0')}`);
  let experiment = '';
  for (const name of names) experiment = (await trainer.start('live/reader', name)).experiment;
  await page.goto(`/experiments/${experiment}`);
  await expect(page.getByRole('link', { name: 'row-59' })).toBeVisible();
  await page.getByRole('grid').evaluate((grid) => grid.scrollTo({ top: 700 }));
  const row = page.getByRole('row', { name: /row-25/ });
  const before = await row.boundingBox();
  await trainer.start('live/reader', 'newest');
  await expect(page.getByRole('button', { name: '1 new run' })).toBeVisible();
  expect(await row.boundingBox()).toEqual(before);
  await page.getByRole('button', { name: '1 new run' }).click();
  await expect(page.getByRole('link', { name: 'newest' })).toBeVisible();
});

test('a point that follows a new run does not move the rows either', async ({ page }) => {
  const name = `live/still ${Date.now()}`;
  let experiment = '';
  for (let index = 0; index < 50; index++) {
    experiment = (await trainer.start(name, `still-${String(index).padStart(2, '0')}`)).experiment;
  }
  await page.goto(`/experiments/${experiment}`);
  await expect(page.getByRole('link', { name: 'still-49' })).toBeVisible();
  await page.getByRole('grid').evaluate((grid) => grid.scrollTo({ top: 600 }));
  const row = page.getByRole('row', { name: /still-20/ });
  const before = await row.boundingBox();
  // The count of the new runs is slow: what comes before it must find the rows held already.
  await page.route('**/runs/query', async (route) => {
    if ((route.request().postDataJSON() as { limit: number }).limit === 1)
      await new Promise((resolve) => setTimeout(resolve, 2500));
    await route.continue().catch(() => {});
  });
  const { run } = await trainer.start(name, 'newcomer');
  await trainer.log(run, 1, { loss: 0.5 });
  await trainer.end(run);
  await expect(page.getByRole('button', { name: '1 new run' })).toBeVisible();
  expect(await row.boundingBox()).toEqual(before);
  await page.getByRole('grid').evaluate((grid) => grid.scrollTo({ top: 0 }));
  await expect(page.getByRole('link', { name: 'newcomer' })).toBeVisible();
});

test('points of compared runs are drawn as they come, without asking for the runs again', async ({
  page,
}) => {
  const name = `live/compare ${Date.now()}`;
  const runs = [(await trainer.start(name, 'A')).run, (await trainer.start(name, 'B')).run];
  for (const run of runs) for (let step = 1; step <= 3; step++) await trainer.log(run, step, { loss: step });
  await page.goto(`/compare?tab=charts&runs=${runs.join(',')}`);
  const picture = page.locator('[data-metric="loss"] [role=img]');
  await expect(picture).toHaveAttribute('aria-label', /last 3,/);
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  await page.waitForTimeout(1200); // what opening the stream asks for
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  for (let step = 4; step <= 8; step++) await trainer.log(runs[0]!, step, { loss: step * 11 });
  await expect(picture).toHaveAttribute('aria-label', /last 88,/);
  expect(asked.filter((url) => /runs\/[0-9a-f]{32}$/.test(url))).toEqual([]);
});

test('compared charts stay as they are while slow answers are on their way', async ({ page }) => {
  const name = `live/slow ${Date.now()}`;
  const runs = [(await trainer.start(name, 'A')).run, (await trainer.start(name, 'B')).run];
  for (const run of runs) for (let step = 1; step <= 3; step++) await trainer.log(run, step, { loss: step });
  await page.goto(`/compare?tab=charts&runs=${runs.join(',')}`);
  const picture = page.locator('[data-metric="loss"] [role=img]');
  await expect(picture).toHaveAttribute('aria-label', /last 3,/);
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  await page.waitForTimeout(1200); // what opening the stream asks for
  await picture.evaluate((node) => node.setAttribute('data-mine', 'yes'));
  const asked: string[] = [];
  await page.route(/series\/query|v1\/runs\/[0-9a-f]{32}$/, async (route) => {
    asked.push(route.request().url());
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await route.continue().catch(() => {});
  });
  await trainer.end(runs[0]!, 'FAILED'); // the runs are read again
  await trainer.log(runs[1]!, 4, { loss: 44 });
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  for (let look = 0; look < 8; look++) {
    await expect(page.locator('[data-mine] .u-over')).toBeVisible({ timeout: 50 });
    await page.waitForTimeout(150);
  }
  await expect(picture).toHaveAttribute('aria-label', /last 44,/);
  await expect(page.locator('[data-mine]')).toHaveCount(1);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('a hidden tab gives its connection back and catches up on return', async ({ page }) => {
  await page.addInitScript(() => {
    const open: EventSource[] = [];
    Object.assign(window, { open_streams: () => open.filter((one) => one.readyState !== 2).length });
    window.EventSource = class extends EventSource {
      constructor(url: string | URL, options?: EventSourceInit) {
        super(url, options);
        open.push(this);
      }
    };
    let hidden = false;
    Object.defineProperty(document, 'hidden', { get: () => hidden });
    Object.assign(window, {
      set_hidden: (value: boolean) => {
        hidden = value;
        document.dispatchEvent(new Event('visibilitychange'));
      },
    });
  });
  const streams = () =>
    page.evaluate(() => (window as unknown as { open_streams: () => number }).open_streams());
  const hide = (value: boolean) =>
    page.evaluate((to) => (window as unknown as { set_hidden: (v: boolean) => void }).set_hidden(to), value);
  const { run } = await trainer.start('live/hidden', 'sleeper');
  await trainer.log(run, 1, { loss: 3 });
  await page.goto(`/runs/${run}?tab=metrics`);
  await expect(page.locator('[data-metric="loss"]')).toContainText('3');
  await expect.poll(streams).toBe(1);
  await hide(true);
  await expect.poll(streams).toBe(0);
  for (let step = 2; step <= 6; step++) await trainer.log(run, step, { loss: step * 11 });
  await hide(false);
  const chart = page.locator('[data-metric="loss"]');
  await expect(chart).toContainText('66');
  await expect.poll(streams).toBe(1);
  await chart.getByRole('button', { name: 'Show as table' }).click();
  await expect(chart.getByRole('row')).toHaveCount(7);
});

test.describe(() => {
  test.use({ allowed: /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|Failed to load resource/ });

  test('the server is killed: offline, then everything is there again without a gap', async ({ page }) => {
    const folder = mkdtempSync(join(tmpdir(), 'trackside-ui-'));
    const server = new Server(folder);
    await server.start();
    const port = Number(new URL(server.url).port);
    const other = new Trainer(server.url);
    try {
      const { run } = await other.start('offline', 'survivor');
      for (let step = 1; step <= 5; step++) await other.log(run, step, { loss: step });
      await page.goto(`${server.url}/runs/${run}?tab=metrics`);
      const chart = page.locator('[data-metric="loss"]');
      await expect(chart).toContainText('5');
      await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
      await server.kill();
      await expect(page.getByRole('status').filter({ hasText: 'Offline since' })).toBeVisible({
        timeout: 15_000,
      });
      await server.start(port);
      for (let step = 6; step <= 9; step++) await other.log(run, step, { loss: step * 10 });
      await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible({ timeout: 15_000 });
      await expect(chart).toContainText('90');
      await chart.getByRole('button', { name: 'Show as table' }).click();
      await expect(chart.getByRole('row')).toHaveCount(10);
    } finally {
      other.close();
      await server.kill();
      rmSync(folder, { recursive: true });
    }
  });
});

test('columns of a metric appear when a run logs it first', async ({ page }) => {
  const { experiment, run } = await trainer.start('live/columns', 'only');
  await page.goto(`/experiments/${experiment}`);
  await expect(page.getByRole('link', { name: 'only' })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'brand_new' })).toHaveCount(0);
  await trainer.log(run, 1, { brand_new: 0.25 });
  await expect(page.getByRole('columnheader', { name: 'brand_new' })).toBeVisible();
  await expect(page.getByRole('gridcell', { name: '0.25' })).toBeVisible();
});

test('the least and the greatest of a metric are columns: sorted, live, in the address', async ({ page }) => {
  const name = `live/extremes ${Date.now()}`;
  const { run, experiment } = await trainer.start(name, 'steady');
  const wild = (await trainer.start(name, 'wild')).run;
  await trainer.start(name, 'silent');
  const logged: [string, (number | string)[]][] = [
    [run, [3, 1, 2]],
    [wild, [0.5, 9, 'NaN']],
  ];
  for (const [id, values] of logged) {
    for (const [step, loss] of values.entries()) await trainer.log(id, step, { loss });
  }
  const asked: string[][] = [];
  page.on('request', (request) => {
    if (!request.url().endsWith('runs/query')) return;
    asked.push((request.postDataJSON() as { columns: string[] }).columns);
  });
  await page.goto(`/experiments/${experiment}`);
  await expect(page.getByRole('gridcell', { name: 'NaN' })).toBeVisible();
  expect(asked.flat()).not.toContain('min(metrics.loss)');
  await page.getByRole('button', { name: /Columns/ }).click();
  await page.getByRole('checkbox', { name: 'max loss', exact: true }).check();
  await page.getByRole('checkbox', { name: 'min loss', exact: true }).check();
  await page.keyboard.press('Escape');

  const heads = page.getByRole('columnheader').filter({ hasText: 'loss' });
  await expect(heads).toHaveText([/loss$/, 'max loss', 'min loss']);
  const head = page.getByRole('columnheader', { name: 'min loss' });
  const cells = (of: string) => page.getByRole('row', { name: new RegExp(of) }).locator('.num');
  await expect(cells('steady')).toHaveText(['2', '3', '1']);
  await expect(cells('wild')).toHaveText(['NaN', '9', '0.5']);
  await expect(cells('silent')).toHaveText(['–', '–', '–']);

  const order = () =>
    page
      .locator('[role=row][aria-selected]')
      .evaluateAll((rows) =>
        (rows as HTMLElement[])
          .sort((a, b) => a.offsetTop - b.offsetTop)
          .map((row) => row.querySelector('a')?.textContent),
      );
  await head.getByRole('button').click();
  await expect(head).toHaveAttribute('aria-sort', 'ascending');
  await expect.poll(order).toEqual(['wild', 'steady', 'silent']);
  await head.getByRole('button').click();
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  await expect.poll(order).toEqual(['steady', 'wild', 'silent']);

  await trainer.log(run, 3, { loss: 0.25 });
  await expect(cells('steady')).toHaveText(['0.25', '3', '0.25']);
  await expect.poll(order).toEqual(['wild', 'steady', 'silent']);
  await page.reload();
  await expect(cells('steady')).toHaveText(['0.25', '3', '0.25']);
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  await page.setViewportSize({ width: 400, height: 800 });
  await page.getByLabel('Sort by').selectOption('max loss');
  await expect(page).toHaveURL(/sort=max(\(|%28)metrics\.loss/);
});
