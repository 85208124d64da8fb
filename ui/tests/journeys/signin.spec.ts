import { expect, test } from '@playwright/test';
import { violations } from './world';

const url = process.env.TRACKSIDE_GUARDED_URL ?? '';
const password = process.env.TRACKSIDE_GUARDED_PASSWORD ?? '';

test('a browser signs in, sees who it is, comes back to where it was, and signs out', async ({ page }) => {
  test.skip(!url, 'no server with sign-in was started');
  await page.goto(`${url}/experiments?search=x`);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toHaveText('User name or password is wrong.');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${url}/experiments?search=x`);
  await expect(page.locator('header').getByText('admin')).toBeVisible();

  // A session that ended elsewhere: the next page asks again, and comes back. (An open one would ask by itself,
  // at a moment of its own.)
  await page.goto('about:blank');
  await page.context().clearCookies();
  await page.goto(`${url}/models`);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${url}/models`);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await page.goto(`${url}/models`);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('what a script needs names the one who is signed in, and no secret', async ({ page }) => {
  test.skip(!url, 'no server with sign-in was started');
  await page.goto(`${url}/signin`);
  await page.getByLabel('User name').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.goto(`${url}/experiments`);
  await expect(page.getByText('export MLFLOW_TRACKING_USERNAME=admin')).toBeVisible();
  await expect(page.getByText('MLFLOW_TRACKING_TOKEN=tsk_your-token')).toBeVisible();
  await expect(page.getByText(`mlflow.set_tracking_uri("${url}")`)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Copy the sign-in' })).toBeVisible();
  expect(await page.content()).not.toContain(password);
  expect(await violations(page)).toEqual([]);
  await page.goto(`${url}/experiments/0`);
  await expect(page.getByText('export MLFLOW_TRACKING_USERNAME=admin')).toBeVisible();
});
