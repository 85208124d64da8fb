import { expect, painted, seed, serverUrl, Trainer, test } from './world';

interface Asked {
  metrics: string[];
  start?: number;
  end?: number;
}

test('one request for the charts in view, none for those far below', async ({ page }) => {
  const asked: Asked[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('series/query')) asked.push(request.postDataJSON() as Asked);
  });
  await page.setViewportSize({ width: 800, height: 600 });
  const answer = page.waitForResponse(/series\/query$/);
  await page.goto(`/runs/${seed.run}?tab=metrics`);
  await expect(page.locator('[data-metric="epoch_time"] .u-over')).toBeVisible();
  expect(asked).toHaveLength(1);
  expect((await answer).headers()['content-type']).toBe('application/vnd.trackside.series');
  expect(asked[0]!.metrics).toContain('epoch_time');
  expect(asked[0]!.metrics).not.toContain('batch/loss');
  await page.locator('[data-metric="batch/loss"]').scrollIntoViewIfNeeded();
  await expect(page.locator('[data-metric="batch/loss"] .u-over')).toBeVisible();
  expect(asked.at(-1)!.metrics).toContain('batch/loss');
  expect(asked.at(-1)!.metrics).not.toContain('epoch_time');
});

test('a spike of one point among thousands is drawn, and found again by zooming', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=batch/loss`);
  const over = page.locator('[data-metric="batch/loss"] .u-over');
  await expect(over).toBeVisible();
  const topRow = () =>
    page
      .locator('[data-metric="batch/loss"] .u-wrap > canvas')
      .last()
      .evaluate((node) => {
        const canvas = node as HTMLCanvasElement;
        const { data } = canvas
          .getContext('2d')!
          .getImageData(0, 0, canvas.width, Math.round(canvas.height * 0.3));
        const columns = new Set<number>();
        for (let i = 3; i < data.length; i += 4) if (data[i]! > 40) columns.add(((i - 3) / 4) % canvas.width);
        return { columns: [...columns], width: canvas.width };
      });
  const { columns, width } = await topRow();
  expect(columns.length).toBeGreaterThan(0); // the spike at the middle step reaches the top
  expect(columns.every((column) => Math.abs(column - width / 2) < width * 0.04)).toBe(true);

  const box = (await over.boundingBox())!;
  const zoomed = page.waitForRequest(
    (request) => request.url().endsWith('series/query') && 'start' in (request.postDataJSON() as object),
  );
  await page.mouse.move(box.x + box.width * 0.48, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.52, box.y + 80, { steps: 5 });
  await page.mouse.up();
  const { start, end } = (await zoomed).postDataJSON() as Required<Asked>;
  expect(start).toBeLessThan(3000);
  expect(end).toBeGreaterThan(3000);
  expect(end - start).toBeLessThan(600);
  await expect(page).toHaveURL(/x0=/);
  await page.getByRole('button', { name: 'Show as table' }).click();
  await expect(page.getByRole('cell', { name: '9.5', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Show as chart' }).click();

  await page.goBack(); // Back undoes the zoom
  await expect(page).not.toHaveURL(/x0=/);
  await page.goForward();
  await expect(page).toHaveURL(/x0=/);
  await over.dblclick();
  await expect(page).not.toHaveURL(/x0=/);
});

test('axis, smoothing and scale are in the URL; the raw line stays under the smooth one', async ({
  page,
}) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=train_loss`);
  await expect(page.locator('[data-metric="train_loss"] .u-over')).toBeVisible();
  const plain = await painted(page, 'train_loss');
  expect(plain).toBeGreaterThan(200);
  await page.getByRole('button', { name: 'Relative' }).click();
  await page.getByLabel('Log y').check();
  await page.getByLabel('Smoothing').fill('0.8');
  await expect(page).toHaveURL(/axis=relative/);
  await expect(page).toHaveURL(/smooth=0.8/);
  await expect(page).toHaveURL(/log=1/);
  await page.reload();
  await expect(page.getByLabel('Log y')).toBeChecked();
  await expect(page.locator('[data-metric="train_loss"] .u-over')).toBeVisible();
  await expect.poll(() => painted(page, 'train_loss')).toBeGreaterThan(plain * 1.2);
});

test('the cursor is shared, and the header tells its values', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=loss`);
  const loss = page.locator('[data-metric="train_loss"]');
  await loss.locator('.u-over').hover({ position: { x: 5, y: 50 } });
  await expect(loss).toContainText('step 1');
  await expect(page.locator('[data-metric="val_loss"]')).toContainText('step 1');
});

test('system metrics run on the clock, by device, with their units', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=system`);
  await expect(page.getByRole('button', { name: 'Relative' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('[data-metric="system/cpu_utilization_percentage"]')).toContainText('%');
  await expect(page.locator('[data-metric="system/gpu_0_power_usage_watts"]')).toContainText('W');
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(page).toHaveURL(/axis=step/);
});

test('charts follow the theme of the system', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=train_loss`);
  await expect(page.locator('[data-metric="train_loss"] .u-over')).toBeVisible();
  await expect.poll(() => painted(page, 'train_loss')).toBeGreaterThan(100);
  const colours = () =>
    page
      .locator('[data-metric="train_loss"] .u-wrap > canvas')
      .last()
      .evaluate((node) => {
        const canvas = node as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 3; i < data.length; i += 4)
          if (data[i] === 255) return `${data[i - 3]} ${data[i - 2]} ${data[i - 1]}`;
        return '';
      });
  // uPlot draws the labels of the axes on a canvas of its own.
  const labels = () =>
    page
      .locator('[data-metric="train_loss"] .u-wrap > canvas')
      .first()
      .evaluate((node) => {
        const canvas = node as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, 24, canvas.height);
        let sum = 0;
        let count = 0;
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3]! > 200) {
            sum += data[i]!;
            count++;
          }
        return sum / count;
      });
  const [light, lightLabels] = [await colours(), await labels()];
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(colours).not.toBe(light);
  await expect.poll(labels).toBeGreaterThan(lightLabels + 15);
});

test('as a table, a chart of buckets tells the extremes of each', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=batch/loss`);
  const chart = page.locator('[data-metric="batch/loss"]');
  await chart.getByRole('button', { name: 'Show as table' }).click();
  await expect(chart).toContainText('As the chart shows it at this zoom');
  expect(await chart.getByRole('columnheader').allInnerTexts()).toEqual(['step', 'value', 'min', 'max']);
  const rows = await chart.getByRole('row').allInnerTexts();
  const numbers = rows.slice(1).map((row) => row.split(/\s+/).slice(-3).map(Number));
  expect(numbers.length).toBeGreaterThan(50);
  expect(numbers.every(([value, min, max]) => min! <= value! && value! <= max!)).toBe(true);
  expect(numbers.some(([, min, max]) => min! < max!)).toBe(true);
});

test('a log axis says when there is nothing above zero to show', async ({ page }) => {
  const trainer = new Trainer(serverUrl);
  const { run } = await trainer.start('charts/below zero', 'negative');
  await trainer.log(run, 1, { reward: -3, loss: 2 });
  await trainer.log(run, 2, { reward: -2, loss: 1 });
  await page.goto(`/runs/${run}?tab=metrics&log=1`);
  await expect(page.locator('[data-metric="loss"] .u-over')).toBeVisible();
  const reward = page.locator('[data-metric="reward"]');
  await expect(reward).toContainText('No value above zero');
  await expect(reward.locator('.u-over')).toHaveCount(0);
  await trainer.log(run, 3, { reward: 0.5 });
  await expect(reward.locator('.u-over')).toBeVisible();
  await expect(reward).not.toContainText('No value above zero');
  trainer.close();
});

test('a metric that ended in NaN says so in its header', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=metrics&metric=gradient_norm`);
  await expect(page.locator('[data-metric="batch/gradient_norm"] figcaption')).toContainText('NaN');
});

test('in Compare every run has a colour of its own, the same in its head and in the legend', async ({
  page,
}) => {
  await page.goto(`/compare?runs=${seed.trials.join(',')}`);
  const heads = page.locator('thead th span[aria-hidden=true]');
  await expect(heads).toHaveCount(seed.trials.length);
  const dots = await heads.evaluateAll((all) => all.map((dot) => getComputedStyle(dot).backgroundColor));
  expect(new Set(dots).size).toBe(dots.length);
  await page.getByRole('button', { name: 'Charts' }).click();
  const lines = page.locator('button > svg > line');
  await expect(lines).toHaveCount(dots.length);
  const strokes = await lines.evaluateAll((all) => all.map((line) => getComputedStyle(line).stroke));
  expect(strokes).toEqual(dots);
});
