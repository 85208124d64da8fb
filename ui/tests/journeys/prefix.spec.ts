import { expect, test } from '@playwright/test';

const url = process.env.TRACKSIDE_PREFIXED_URL ?? '';

test('a server with a prefix of its own: list, run, live chart, reload', async ({ page }) => {
  test.skip(!url, 'no server with a prefix was started');
  const beside: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`) && request.url().startsWith('http')) beside.push(request.url());
  });
  await page.goto(`${url}/`);
  await page.getByRole('link', { name: 'behind a prefix' }).click();
  await expect(page).toHaveURL(/\/lab\/mlflow\/experiments\/\d+$/);
  await page.getByRole('link', { name: 'first run' }).first().click();
  await expect(page).toHaveURL(/\/lab\/mlflow\/runs\//);
  await page.getByRole('link', { name: /Model metrics/ }).click();
  await expect(page.locator('[data-metric="loss"] .u-over')).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
  await page.reload();
  await expect(page.locator('[data-metric="loss"] .u-over')).toBeVisible();
  expect(beside).toEqual([]);
});
