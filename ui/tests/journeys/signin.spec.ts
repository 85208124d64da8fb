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

  // A session that ended elsewhere: the page asks again, and comes back.
  await page.context().clearCookies();
  await page.getByRole('link', { name: 'Models' }).click();
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
