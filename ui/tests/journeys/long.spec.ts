import type { Page } from '@playwright/test';
import type {
  ArtifactList,
  ExperimentList,
  MetricSummary,
  RegisteredModel,
  RegisteredModelList,
  Run,
} from '../../src/base/api-types';
import { expect, seed, test, violations } from './world';

const MANY = 10_000;
const MOST_ROWS = 80;

/** The server's own answer to `url`, made long by `grow`. */
async function grown<T>(page: Page, url: RegExp, grow: (body: T) => T): Promise<void> {
  await page.route(url, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: grow((await response.json()) as T) });
  });
}

const copies = <T>(one: T, change: (index: number) => Partial<T>): T[] =>
  Array.from({ length: MANY }, (_, index) => ({ ...one, ...change(index) }));

/** Few rows exist, the end can be reached, and the way there is as long as all rows together. */
async function isVirtual(page: Page, first: string, last: string, row: number): Promise<void> {
  await expect(page.getByText(first, { exact: true })).toBeVisible();
  const rows = page.locator('tbody tr:not([data-space])');
  expect(await rows.count()).toBeLessThan(MOST_ROWS);
  expect((await rows.first().boundingBox())!.height).toBe(row);
  await expect(page.locator('table')).toHaveAttribute('aria-rowcount', String(MANY + 1));
  await page.evaluate(() => scrollTo({ top: document.documentElement.scrollHeight }));
  await expect(page.getByText(last, { exact: true })).toBeInViewport();
  const end = page.locator('tbody tr').last();
  await expect(end).toHaveAttribute('aria-rowindex', String(MANY + 1));
  expect(await rows.count()).toBeLessThan(MOST_ROWS);
  const height = await page.evaluate(() => document.querySelector('tbody')!.getBoundingClientRect().height);
  expect(height).toBe(MANY * row);
}

test.use({ allowed: /404 \(Not Found\)/ }); // what is made up is not there when it is opened

test('ten thousand experiments', async ({ page }) => {
  await grown<ExperimentList>(page, /\/experiments\?view/, ({ experiments }) => ({
    experiments: copies(experiments[0]!, (i) => ({ experiment_id: `${i}`, name: `experiment ${i}` })),
  }));
  await page.goto('/experiments');
  await isVirtual(page, 'experiment 0', 'experiment 9999', 36);
  expect(await violations(page)).toEqual([]);
  // Back leads to the place that was left.
  const top = await page.evaluate(() => scrollY);
  await page.getByRole('link', { name: 'experiment 9990' }).click();
  await page.goBack();
  await expect(page.getByText('experiment 9990', { exact: true })).toBeInViewport();
  expect(Math.abs((await page.evaluate(() => scrollY)) - top)).toBeLessThan(40);
  await page.setViewportSize({ width: 400, height: 800 });
  await page.goto('/experiments');
  await isVirtual(page, 'experiment 0', 'experiment 9999', 62);
});

test('ten thousand registered models', async ({ page }) => {
  await grown<RegisteredModelList>(page, /\/models\?search/, ({ models }) => ({
    models: copies(models[0]!, (i) => ({ name: `model ${i}` })),
  }));
  await page.goto('/models');
  await isVirtual(page, 'model 0', 'model 9999', 36);
});

test('ten thousand versions of a model', async ({ page }) => {
  await grown<RegisteredModel>(page, /v1\/models\/food11$/, (model) => ({
    ...model,
    versions: copies(model.versions[0]!, (i) => ({ version: `${MANY - i}`, aliases: i ? [] : ['champion'] })),
  }));
  await page.goto('/models/food11');
  await isVirtual(page, 'Version 10000', 'Version 1', 36);
});

test('ten thousand parameters side by side', async ({ page }) => {
  await grown<Run>(page, /v1\/runs\/[0-9a-f]{32}$/, (run) => ({
    ...run,
    params: Object.fromEntries(
      Array.from({ length: MANY }, (_, i) => [`p${String(i).padStart(4, '0')}`, run.name]),
    ),
  }));
  await page.goto(`/compare?runs=${seed.trials.join(',')}`);
  const region = page.getByRole('region', { name: 'Runs side by side' });
  await expect(page.getByRole('rowheader', { name: 'p0000' })).toBeVisible();
  expect(await region.getByRole('row').count()).toBeLessThan(MOST_ROWS);
  await region.evaluate((node) => node.scrollTo({ top: node.scrollHeight }));
  await expect(page.getByRole('rowheader', { name: 'Origin' })).toBeInViewport();
  await expect(page.getByRole('columnheader', { name: /trial-3/ })).toBeInViewport();
  expect(await region.getByRole('row').count()).toBeLessThan(MOST_ROWS);
});

test('ten thousand files in a folder', async ({ page }) => {
  await grown<ArtifactList>(page, /\/artifacts\?path=plots$/, (list) => ({
    ...list,
    files: copies(list.files[0]!, (i) => ({ path: `plots/${String(i).padStart(4, '0')}.pt` })),
  }));
  await page.goto(`/runs/${seed.run}?tab=artifacts`);
  const tree = page.getByRole('navigation', { name: 'Artifacts' });
  await tree.getByRole('button', { name: 'plots' }).click();
  await expect(tree.getByRole('button', { name: /^0000\.pt/ })).toBeVisible();
  await expect(page.getByText('10\u2009000 entries')).toBeVisible();
  expect(await tree.getByRole('button').count()).toBeLessThan(MOST_ROWS);
  await tree.evaluate((node) => node.scrollTo({ top: node.scrollHeight - 500 }));
  await tree.getByRole('button', { name: /^9990\.pt/ }).click();
  await expect(page).toHaveURL(/9990\.pt/);
  expect(await tree.getByRole('button').count()).toBeLessThan(MOST_ROWS);
});

test('ten thousand parameters and metrics of a run', async ({ page }) => {
  await grown<Run>(page, /\/v1\/runs\/[0-9a-f]{32}$/, (run) => ({
    ...run,
    params: Object.fromEntries(copies({}, () => ({})).map((_, i) => [`p${i}`, 'x'])),
    metrics: copies<MetricSummary>(run.metrics[0]!, (i) => ({ key: `m${i}` })),
  }));
  await page.goto(`/runs/${seed.run}`);
  for (const [name, last] of [
    ['Parameters', 'p9999'],
    ['Metrics', 'm9999'],
  ] as const) {
    const region = page.getByRole('region', { name, exact: true });
    await expect(region.getByRole('row').nth(2)).toBeVisible();
    expect(await region.getByRole('row').count()).toBeLessThan(MOST_ROWS);
    await region.evaluate((node) => node.scrollTo({ top: node.scrollHeight }));
    await region.getByText(last, { exact: true }).scrollIntoViewIfNeeded();
    await expect(region.getByText(last, { exact: true })).toBeInViewport();
  }
});

test('ten thousand child runs', async ({ page }) => {
  await grown<Run>(page, /\/v1\/runs\/[0-9a-f]{32}$/, (run) => ({
    ...run,
    children: Array.from({ length: MANY }, (_, i) => ({
      run_id: `c${i}`,
      name: `child ${i}`,
      status: 'FINISHED',
    })),
  }));
  await page.goto(`/runs/${seed.run}`);
  const region = page.getByRole('region', { name: 'Child runs' });
  await expect(region.getByRole('link', { name: 'child 0', exact: true })).toBeVisible();
  expect(await region.getByRole('listitem').count()).toBeLessThan(MOST_ROWS);
  await region.evaluate((node) => node.scrollTo({ top: node.scrollHeight }));
  await expect(region.getByRole('link', { name: 'child 9999' })).toBeVisible();
});
