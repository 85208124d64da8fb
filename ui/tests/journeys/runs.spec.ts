import { expect, seed, test } from './world';

const rows = '[role=grid] [role=row][aria-selected]';

test('a list of hundreds scrolls to its end with few elements on the page', async ({ page }) => {
  const asked: number[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('runs/query')) asked.push((request.postDataJSON() as { limit: number }).limit);
  });
  await page.goto(`/experiments/${seed.crowd}`);
  await expect(page.getByText(`${seed.many} runs`)).toBeVisible();
  await expect(page.getByRole('link', { name: `run-00${seed.many - 1}` })).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press('End');
  await expect(page.getByRole('link', { name: 'run-00000' })).toBeVisible();
  expect(await page.locator('*').count()).toBeLessThan(1500);
  expect(Math.max(...asked)).toBeLessThanOrEqual(100);
  await page.keyboard.press('Home');
  await expect(page.getByRole('link', { name: `run-00${seed.many - 1}` })).toBeVisible();
});

test('filter, sort and columns are in the URL, and the link says it all', async ({ page }) => {
  await page.goto(`/experiments/${seed.crowd}`);
  await page.getByLabel('Filter runs').fill("metrics.loss < 0.5 AND tags.half = 'a'");
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/filter=metrics\.loss/);
  await page.getByRole('columnheader', { name: 'loss' }).getByRole('button').click();
  await expect(page.getByRole('columnheader', { name: 'loss' })).toHaveAttribute('aria-sort', 'descending');
  await page.getByRole('columnheader', { name: 'loss' }).getByRole('button').click();
  await expect(page.getByRole('columnheader', { name: 'loss' })).toHaveAttribute('aria-sort', 'ascending');
  await page.getByRole('button', { name: /Columns/ }).click();
  await page.getByLabel('Find a column').fill('half');
  await page.getByRole('checkbox', { name: 'half' }).check();
  await page.keyboard.press('Escape');
  const first = page.locator(rows).first();
  await expect(first).toContainText('a');

  const link = page.url();
  await page.goto('/models');
  await page.goto(link);
  await expect(page.getByLabel('Filter runs')).toHaveValue("metrics.loss < 0.5 AND tags.half = 'a'");
  await expect(page.getByRole('columnheader', { name: 'half' })).toBeVisible();
  // Cells after the checkbox, name, status, start and duration: accuracy, loss, ...
  const shown = await page.locator(rows).evaluateAll((lines) =>
    lines.map((line) => ({
      top: (line as HTMLElement).offsetTop,
      loss: Number(line.querySelectorAll('[role=gridcell]')[6]!.getAttribute('title')),
    })),
  );
  const losses = shown.sort((a, b) => a.top - b.top).map((line) => line.loss);
  expect(losses.length).toBeGreaterThan(10);
  expect(losses).toEqual([...losses].sort((a, b) => a - b));
  expect(Math.max(...losses)).toBeLessThan(0.5);
});

test.describe(() => {
  test.use({ allowed: /400 \(Bad Request\)/ });
  test('a filter that cannot be read says why, and the rows stay', async ({ page }) => {
    await page.goto(`/experiments/${seed.experiment}`);
    await expect(page.getByRole('link', { name: 'mobilenet-v2-finetune' })).toBeVisible();
    await page.getByLabel('Filter runs').fill('metrics.loss <<< 3');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toContainText('metrics.loss');
    await expect(page.getByRole('link', { name: 'mobilenet-v2-finetune' })).toBeVisible();
    await page.getByRole('button', { name: 'Remove the filter' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
});

test('select with Shift, compare, come back to the same selection', async ({ page }) => {
  await page.goto(`/experiments/${seed.experiment}`);
  await page.getByRole('checkbox', { name: /^Select trial-4/ }).click();
  await page.getByRole('checkbox', { name: /^Select trial-1/ }).click({ modifiers: ['Shift'] });
  await expect(page.getByText('4 selected')).toBeVisible();
  await page.reload();
  await expect(page.getByText('4 selected')).toBeVisible();
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByRole('heading', { name: 'Compare 4 runs' })).toBeVisible();
  await page.goBack();
  await expect(page.getByText('4 selected')).toBeVisible();
});

test('delete, see it in the trash, undo', async ({ page }) => {
  await page.goto(`/experiments/${seed.experiment}`);
  await page.getByRole('checkbox', { name: 'Select failed-early' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByRole('link', { name: 'failed-early' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Deleted', exact: true }).click();
  await expect(page.getByRole('link', { name: 'failed-early' })).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('The trash is empty')).toBeVisible();
  await page.getByRole('button', { name: 'Active', exact: true }).click();
  await expect(page.getByRole('link', { name: 'failed-early' })).toBeVisible();
});

test('nested runs point to their parent', async ({ page }) => {
  await page.goto(`/experiments/${seed.experiment}`);
  const trial = page.locator(rows).filter({ hasText: 'trial-2' });
  await trial.getByRole('link', { name: 'Parent run' }).click();
  await expect(page.getByRole('heading', { name: 'lr-sweep' })).toBeVisible();
  await expect(page.getByRole('link', { name: /^trial-2/ })).toBeVisible();
});

test('keys alone: move, choose, open', async ({ page }) => {
  await page.goto(`/experiments/${seed.experiment}`);
  await expect(page.getByRole('link', { name: 'killed-early' })).toBeVisible();
  await page.getByRole('grid').focus();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('Shift+X');
  await expect(page.getByText('2 selected')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByText('2 selected')).toHaveCount(0);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'mobilenet-v2-finetune' })).toBeVisible();
});

test('a filter clears the selection: nobody deletes what is hidden', async ({ page }) => {
  await page.goto(`/experiments/${seed.experiment}`);
  await page.getByRole('checkbox', { name: 'Select killed-early' }).click();
  await expect(page.getByText('1 selected')).toBeVisible();
  await page.getByLabel('Filter runs').fill("attributes.status = 'FAILED'");
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'failed-early' })).toBeVisible();
  await expect(page.getByText('1 selected')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Delete', exact: true })).toHaveCount(0);
});

test('Back shows the list where it was left; a link shows its top', async ({ page }) => {
  await page.goto(`/experiments/${seed.crowd}`);
  await expect(page.getByRole('link', { name: `run-00${seed.many - 1}` })).toBeVisible();
  const grid = page.getByRole('grid');
  const top = () => grid.evaluate((element) => element.scrollTop);
  await grid.evaluate((element) => element.scrollTo({ top: 5000 }));
  await page.locator(rows).nth(20).getByRole('link').last().click();
  await expect(page.getByRole('heading', { name: /^run-/ })).toBeVisible();
  await page.goBack();
  await expect.poll(top).toBe(5000);
  await page.locator(rows).nth(20).getByRole('link').last().click();
  await page.getByRole('link', { name: 'nightly/search' }).click();
  await expect(page.getByRole('link', { name: `run-00${seed.many - 1}` })).toBeVisible();
  expect(await top()).toBe(0);
});

test('the order is changed by keys, and on a phone by a list', async ({ page }) => {
  await page.goto(`/experiments/${seed.crowd}`);
  const head = page.getByRole('columnheader', { name: 'loss' });
  await head.getByRole('button').focus();
  await page.keyboard.press('Enter');
  await expect(head).toHaveAttribute('aria-sort', 'descending');
  await expect(page).toHaveURL(/experiments.*sort=metrics\.loss/);
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByRole('columnheader', { name: 'accuracy' }).getByRole('button')).toBeFocused();
  await page.setViewportSize({ width: 400, height: 800 });
  await page.getByLabel('Sort by').selectOption('accuracy');
  await expect(page).toHaveURL(/sort=metrics\.accuracy/);
  await page.getByRole('button', { name: 'Sort upwards' }).click();
  await expect(page).toHaveURL(/sort=metrics\.accuracy(\+|%20)ASC/);
});
