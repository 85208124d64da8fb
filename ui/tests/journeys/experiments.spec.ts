import { expect, serverUrl, test } from './world';

test('make, rename, delete and bring back an experiment', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'New experiment' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('ui/fresh');
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('heading', { name: 'ui/fresh' })).toBeVisible();
  // The empty table teaches: this server's address, this experiment's name.
  await expect(page.getByText(`mlflow.set_tracking_uri("${serverUrl}")`)).toBeVisible();
  await expect(page.getByText('mlflow.set_experiment("ui/fresh")')).toBeVisible();
  await expect(page.getByText('MLFLOW_TRACKING_')).toHaveCount(0); // nobody is asked who it is

  await page.getByRole('link', { name: 'Experiments' }).first().click();
  await page.getByRole('button', { name: 'Actions for ui/fresh' }).click();
  await page.getByRole('menuitem', { name: 'Rename…' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('ui/renamed');
  await page.getByRole('button', { name: 'Rename', exact: true }).click();
  await expect(page.getByRole('link', { name: 'ui/renamed' })).toBeVisible();

  await page.getByRole('button', { name: 'Actions for ui/renamed' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(page.getByRole('link', { name: 'ui/renamed' })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('link', { name: 'vision/food11' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'ui/renamed' })).toHaveCount(0);
});

test('undo restores a deleted experiment', async ({ page }) => {
  await page.goto('/experiments');
  await page.getByRole('button', { name: 'Actions for speech/keywords' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('link', { name: 'speech/keywords' })).toBeVisible();
});

test('search lives in the URL', async ({ page }) => {
  await page.goto('/experiments');
  await page.getByLabel('Search experiments').fill('food');
  await expect(page.getByRole('link', { name: 'nightly/search' })).toHaveCount(0);
  await expect(page).toHaveURL(/\?q=food$/);
  await page.reload();
  await expect(page.getByRole('link', { name: 'vision/food11' })).toBeVisible();
  await page.getByLabel('Search experiments').fill('no such name');
  await expect(page.getByText('No experiment has “no such name” in its name')).toBeVisible();
});

test.describe(() => {
  test.use({ allowed: /400 \(Bad Request\)/ });
  test('a name that is taken is refused in the dialog, in the server’s words', async ({ page }) => {
    await page.goto('/experiments');
    await page.getByRole('button', { name: 'New experiment' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('vision/food11');
    await page.getByRole('button', { name: 'Create' }).click();
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('already exists');
  });
});

test('links as MLflow prints them lead here', async ({ page }) => {
  await page.goto('/#/models/food11/versions/1');
  await expect(page).toHaveURL(/\/models\/food11\/versions\/1$/);
  await expect(page.getByRole('heading', { name: 'food11 version 1' })).toBeVisible();
});

test('the palette and key sequences jump', async ({ page }) => {
  await page.goto('/experiments');
  await expect(page.getByRole('link', { name: 'nightly/search' })).toBeVisible(); // keys do something from now on
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('night');
  await expect(page.getByRole('option', { name: /nightly\/search/ }).first()).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'nightly/search' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await expect(page.getByRole('heading', { name: 'Models' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { name: 'nightly/search' })).toBeVisible();
});

test('the same files work behind a prefix', async ({ page }) => {
  // A proxy that serves everything under /behind/ and says so in <base>.
  await page.route(/\/behind\//, async (route) => {
    const url = route.request().url().replace('/behind/', '/');
    if (route.request().resourceType() !== 'document') return route.continue({ url });
    const response = await route.fetch({ url });
    const body = (await response.text()).replace('<base href="/"', '<base href="/behind/"');
    return route.fulfill({ response, body });
  });
  await page.goto('/behind/experiments');
  await page.getByRole('link', { name: 'vision/food11' }).click();
  await expect(page).toHaveURL(/\/behind\/experiments\/\d+$/);
  await page.getByRole('link', { name: 'mobilenet-v2-finetune' }).first().click();
  await expect(page).toHaveURL(/\/behind\/runs\//);
  await page.getByRole('link', { name: /Model metrics/ }).click();
  await expect(page.locator('[data-metric="train_loss"] .u-over')).toBeVisible();
  await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
});

test('a deleted experiment is in the trash, says so, and comes back', async ({ page }) => {
  await page.goto('/experiments');
  await page.getByRole('button', { name: 'Actions for speech/keywords' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Deleted', exact: true }).click();
  await page.getByRole('link', { name: 'speech/keywords' }).click();
  await expect(page.getByText('deleted', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Restore experiment' }).click();
  await expect(page.getByText('deleted', { exact: true })).toHaveCount(0);
  await page.goto('/experiments');
  await expect(page.getByRole('link', { name: 'speech/keywords' })).toBeVisible();
});

test('a link of MLflow that cannot be read opens the app, and a later one is followed', async ({ page }) => {
  await page.goto('/#/compare-runs?runs=foo');
  await expect(page.getByRole('link', { name: 'vision/food11' })).toBeVisible();
  await page.evaluate(() => {
    location.hash = '#/models/food11';
  });
  await expect(page.getByRole('heading', { name: 'food11' })).toBeVisible();
});

test('Tab leaves a menu and closes it', async ({ page }) => {
  await page.goto('/experiments');
  await page.getByRole('button', { name: 'Actions for vision/food11' }).click();
  await expect(page.getByRole('menuitem', { name: 'Rename…' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('menuitem', { name: 'Rename…' })).toBeHidden();
});

test('the keys of a page are a ? away, and so are the licences of what the app is made of', async ({
  page,
  context,
}) => {
  await page.goto('/experiments');
  await expect(page.getByRole('link', { name: 'nightly/search' })).toBeVisible(); // keys do something from now on
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help.getByText('Search experiments')).toBeVisible();
  const [licences] = await Promise.all([
    context.waitForEvent('page'),
    help.getByRole('link', { name: 'Licences' }).click(),
  ]);
  await expect(licences.getByText('preact')).toContainText('Permission is hereby granted');
});
