import { expect, seed, test, violations } from './world';

const screens: [string, () => string, RegExp][] = [
  ['experiments', () => '/experiments', /vision\/food11/],
  ['runs', () => `/experiments/${seed.experiment}`, /mobilenet-v2-finetune/],
  ['overview', () => `/runs/${seed.run}`, /Frozen backbone/],
  ['model metrics', () => `/runs/${seed.run}?tab=metrics`, /train_loss/],
  ['system metrics', () => `/runs/${seed.run}?tab=system`, /cpu_utilization/],
  ['artifacts', () => `/runs/${seed.run}?tab=artifacts&path=per_class.csv`, /recall/],
  ['image', () => `/runs/${seed.run}?tab=artifacts&path=plots/confusion.png`, /confusion\.png/],
  ['compare', () => `/compare?runs=${seed.trials.join(',')}`, /Only differences/],
  ['compare charts', () => `/compare?runs=${seed.trials.join(',')}&tab=charts`, /val_loss/],
  ['models', () => '/models', /food11/],
  ['model', () => '/models/food11', /mobilenet-v2-finetune/],
  ['version', () => '/models/food11/versions/1', /MLmodel/],
  ['not found', () => '/nowhere', /Nothing lives/],
];

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });
    for (const [name, path, sign] of screens) {
      test(`${name} has no axe violation`, async ({ page }) => {
        await page.goto(path());
        await expect(page.getByRole('main').getByText(sign).first()).toBeVisible();
        expect(await violations(page)).toEqual([]);
      });
    }

    test('dialogs and menus have no axe violation', async ({ page }) => {
      await page.goto(`/runs/${seed.run}`);
      await page.getByRole('button', { name: 'Register model' }).click();
      await expect(page.getByLabel('Registered name')).toHaveValue('food11');
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('food');
      await expect(page.getByRole('option', { name: /vision\/food11/ })).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog')).toContainText('Show artifacts');
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'More actions' }).click();
      await expect(page.getByRole('menuitem', { name: 'Delete run' })).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await page.goto(`/experiments/${seed.experiment}`);
      await page.getByRole('button', { name: /Columns/ }).click();
      await expect(page.getByLabel('Find a column')).toBeFocused();
      expect(await violations(page)).toEqual([]);
    });
  });
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 400, height: 800 } });
  for (const [name, path, sign] of screens) {
    test(`${name} fits and has no axe violation`, async ({ page }) => {
      await page.goto(path());
      await expect(page.getByRole('main').getByText(sign).first()).toBeVisible();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
      expect(await violations(page)).toEqual([]);
    });
  }
});

test('the theme is chosen by hand, and is there before anything is drawn', async ({ page }) => {
  await page.goto('/experiments');
  await page.getByRole('button', { name: /^Theme: system/ }).click();
  await page.getByRole('button', { name: /^Theme: light/ }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.route('**/*.js', (route) => route.abort());
  await page.reload({ waitUntil: 'domcontentloaded' }).catch(() => null);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe(
    'rgb(16, 18, 21)',
  );
});
test.use({ allowed: /net::ERR_FAILED/ });
