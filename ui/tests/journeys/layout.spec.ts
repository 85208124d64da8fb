import { expect, seed, serverUrl, test } from './world';

const LONG = 'made-from-every-hyperparameter_lr=0.0001_batch=32_dropout=0.5_optimizer=adamw_schedule=cosine';
const VALUE = '/data/sets/food11/train/images/and/so/on/until/no/column/can/hold/it/0001.jpg';

let long = '';
test.beforeAll(async ({ request }) => {
  const api = `${serverUrl}/api/2.0/mlflow`;
  const made = await request.post(`${api}/experiments/create`, { data: { name: `layout ${Date.now()}` } });
  const { experiment_id } = (await made.json()) as { experiment_id: string };
  const run = await request.post(`${api}/runs/create`, {
    data: { experiment_id, run_name: LONG, start_time: Date.now() },
  });
  long = ((await run.json()) as { run: { info: { run_id: string } } }).run.info.run_id;
  for (const key of ['a_parameter_with_an_extremely_long_name_for_a_table', 'short']) {
    await request.post(`${api}/runs/log-parameter`, { data: { run_id: long, key, value: VALUE } });
  }
  await request.post(`${api}/runs/update`, { data: { run_id: long, status: 'FINISHED' } });
});

const box = async (locator: import('@playwright/test').Locator) => (await locator.boundingBox())!;

test('a long value widens no column of the runs, a long key none of Compare', async ({ page }) => {
  await page.goto(`/runs/${long}`);
  await page.getByRole('link', { name: /^layout/ }).click();
  const head = page.getByRole('columnheader', { name: 'short' });
  expect((await box(head)).width).toBeLessThan(600); // two columns share the room that is left
  expect(await page.getByRole('grid').evaluate((grid) => grid.scrollWidth - grid.clientWidth)).toBe(0);
  await page.goto(`/compare?runs=${[...seed.trials.slice(0, 2), long].join(',')}`);
  expect((await box(page.getByRole('rowheader', { name: /^a_parameter/ }))).width).toBeLessThan(320);
});

test('an empty experiment says so at the top, in one piece', async ({ page, request }) => {
  const name = `layout empty ${Date.now()}`;
  const made = await request.post(`${serverUrl}/api/2.0/mlflow/experiments/create`, { data: { name } });
  const { experiment_id } = (await made.json()) as { experiment_id: string };
  await page.goto(`/experiments/${experiment_id}`);
  const title = await box(page.getByText('No runs yet'));
  const code = await box(page.getByText(`mlflow.set_experiment("${name}")`));
  expect(code.y + code.height - title.y).toBeLessThan(220);
});

test('the form of a tag stands inside its panel', async ({ page }) => {
  await page.goto(`/runs/${seed.run}`);
  await page.getByRole('button', { name: 'Add tag' }).click();
  const form = page.locator('form').filter({ has: page.getByLabel('Tag key') });
  const [save, panel] = [
    await box(form.getByRole('button', { name: 'Cancel' })),
    await box(page.locator('section').filter({ has: form })),
  ];
  expect(save.x + save.width).toBeLessThanOrEqual(panel.x + panel.width);
});

test('a table of a chart shows four digits, all of them on hover, without scrolling sideways', async ({
  page,
}) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=batch/loss`);
  await page.getByRole('button', { name: 'Show as table' }).click();
  const region = page.getByRole('region', { name: 'batch/loss, values' });
  const cell = region.getByRole('cell').nth(1);
  await expect(cell).toHaveText(/^[\d.]{1,7}$/);
  expect((await cell.getAttribute('title'))!.length).toBeGreaterThan(8);
  expect(await region.evaluate((node) => node.scrollWidth - node.clientWidth)).toBe(0);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 400, height: 800 }, hasTouch: true });

  test('a long name wraps beside its dot, and every tab is in view', async ({ page }) => {
    await page.goto(`/runs/${long}`);
    const name = page.getByRole('heading', { level: 1 });
    await expect(name).toHaveText(LONG);
    expect(await name.evaluate((node) => node.scrollWidth - node.clientWidth)).toBeLessThanOrEqual(0);
    const [text, dot] = [await box(name), await box(name.locator('xpath=../../span[@aria-hidden]'))];
    expect(dot.x + dot.width).toBeLessThan(text.x);
    expect(dot.y).toBeGreaterThan(text.y);
    await expect(page.getByRole('link', { name: 'Artifacts', exact: true })).toBeInViewport({ ratio: 1 });
    expect(text.height).toBeGreaterThan(30);
  });

  test('Compare shows values beside the keys, and the cross lies over no name', async ({ page }) => {
    await page.goto(`/compare?runs=${[...seed.trials.slice(0, 2), long].join(',')}`);
    expect((await box(page.getByRole('rowheader', { name: /^a_parameter/ }))).width).toBeLessThan(140);
    const head = page.getByRole('columnheader').nth(3);
    await head.scrollIntoViewIfNeeded();
    const [name, cross] = [await box(head.getByRole('link')), await box(head.getByRole('button'))];
    expect(name.x + name.width).toBeLessThanOrEqual(cross.x);
    const state = await box(head.getByText('Finished'));
    expect(state.y).toBeGreaterThanOrEqual(name.y + name.height - 1);
    const title = page.getByRole('rowheader', { name: /^Parameters/ }).locator('div');
    expect((await box(title)).x).toBeLessThan(40); // stays in view while the columns are scrolled
    await expect(title).toContainText('differ');
  });

  test('a file can be downloaded, an alias can be set', async ({ page }) => {
    await page.goto(`/runs/${seed.run}?tab=artifacts`);
    const tree = page.getByRole('navigation', { name: 'Artifacts' });
    await tree.getByRole('button', { name: /^food11/ }).click();
    await tree.getByRole('button', { name: /^MLmodel/ }).click();
    await expect(page.getByRole('link', { name: 'Download' })).toBeInViewport({ ratio: 1 });
    await page.goto('/models/food11');
    await page.getByRole('button', { name: 'Add alias to version 1' }).click();
    await expect(page.getByRole('button', { name: 'Set' })).toBeInViewport({ ratio: 1 });
  });

  test('the line of a chart begins right below its title', async ({ page }) => {
    await page.goto(`/runs/${seed.run}?tab=metrics`);
    const chart = page.locator('[data-metric="epoch_time"]');
    const [figure, plot] = [await box(chart), await box(chart.locator('.u-over'))];
    expect(plot.y - figure.y).toBeLessThan(60);
    expect(figure.height).toBeLessThan(260);
    const [value, tool] = [
      await box(chart.locator('figcaption span').last()),
      await box(chart.getByRole('button', { name: 'Show as table' })),
    ];
    expect(value.x + value.width).toBeLessThanOrEqual(tool.x);
  });
});
