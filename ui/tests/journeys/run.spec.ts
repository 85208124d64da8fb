import { expect, seed, serverUrl, test } from './world';

// The harmful description below: its image is not there, and its handler is refused.
test.use({ allowed: /404 \(Not Found\)|inline event handler/ });

test('the overview tells what the client logged', async ({ page }) => {
  await page.goto(`/runs/${seed.run}`);
  await expect(page.getByRole('heading', { name: 'mobilenet-v2-finetune' })).toBeVisible();
  const metrics = page.getByRole('region', { name: 'Metrics' });
  await expect(metrics.getByRole('row', { name: /test_accuracy/ })).toContainText('0.7912');
  await expect(metrics.getByRole('row', { name: /batch\/loss/ })).toContainText('9.5');
  await expect(metrics.getByRole('row', { name: /gradient_norm/ })).toContainText('NaN');
  await expect(
    page.getByRole('region', { name: 'Parameters' }).getByRole('row', { name: /dropout/ }),
  ).toContainText('0.5');
  await expect(page.getByRole('link', { name: '8f3c2d1e9b' })).toHaveAttribute(
    'href',
    'https://git.example.org/vision/food11/commit/8f3c2d1e9b7a64500c1f2e3d4c5b6a7988776655',
  );
  await expect(page.getByText('food11-train')).toBeVisible();
  await expect(page.getByRole('main').getByText('by ada')).toBeVisible();
  await page.getByLabel('Find a parameter').fill('imagenet');
  await expect(page.getByRole('region', { name: 'Parameters' }).getByRole('row')).toHaveCount(2);
});

test('a running run that has been silent says for how long', async ({ page, request }) => {
  const ago = Date.now() - 14 * 60_000;
  const home = await request.post(`${serverUrl}/api/2.0/mlflow/experiments/create`, {
    data: { name: `silent ${ago}` },
  });
  const { experiment_id } = (await home.json()) as { experiment_id: string };
  const api = `${serverUrl}/api/2.0/mlflow/runs`;
  const made = await request.post(`${api}/create`, {
    data: { experiment_id, start_time: ago, run_name: 'silent' },
  });
  const { run_id } = ((await made.json()) as { run: { info: { run_id: string } } }).run.info;
  await page.goto(`/runs/${run_id}`);
  await expect(page.getByText('Last heard 14 min ago')).toBeVisible();
  const point = { run_id, key: 'loss', value: 1, timestamp: Date.now(), step: 1 };
  await request.post(`${api}/log-metric`, { data: point });
  await expect(
    page.getByRole('region', { name: 'Metrics' }).getByRole('row', { name: /loss/ }),
  ).toBeVisible();
  await expect(page.getByText('Last heard')).toHaveCount(0);
});

test('name, description and tags are edited in place and stay', async ({ page }) => {
  await page.goto(`/runs/${seed.trials[0]}`);
  await page.getByRole('button', { name: 'Rename run' }).click();
  await page.getByRole('textbox', { name: 'Rename run' }).fill('best of the sweep');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'best of the sweep' })).toBeVisible();

  await page.getByRole('button', { name: 'Edit description' }).click();
  await page
    .getByLabel('Description, Markdown')
    .fill('**Bold** claim <img src=x onerror="document.title=\'owned\'">');
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('strong', { hasText: 'Bold' })).toBeVisible();

  await page.getByRole('button', { name: 'Add tag' }).click();
  await page.getByLabel('Tag key').fill('a/b c');
  await page.getByLabel('Tag value').fill('one');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Edit tag a/b c' }).click();
  await page.getByLabel('Tag value').fill('two');
  await page.keyboard.press('Enter');
  await expect(page.getByText('a/b c two')).toBeVisible();

  await page.reload();
  await expect(page.getByRole('heading', { name: 'best of the sweep' })).toBeVisible();
  await expect(page.locator('strong', { hasText: 'Bold' })).toBeVisible();
  await expect(page.getByText('a/b c two')).toBeVisible();
  await expect(page).toHaveTitle(/best of the sweep/);
  await expect(page.locator('img[onerror]')).toHaveCount(0);
  await page.getByRole('button', { name: 'Remove tag a/b c' }).click();
  await page.reload();
  await expect(page.getByText('No tags.')).toBeVisible();
});

test('a rename is sent once on Enter and never on Escape', async ({ page }) => {
  const sent: unknown[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') sent.push(request.postDataJSON());
  });
  await page.goto(`/runs/${seed.trials[1]}`);
  const field = page.getByRole('textbox', { name: 'Rename run' });
  const name = await page.getByRole('heading', { name: /^trial-1/ }).innerText();
  await page.getByRole('button', { name: 'Rename run' }).click();
  await field.fill('never said');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name, exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Rename run' }).click();
  await field.fill(`${name} again`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: `${name} again` })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: `${name} again` })).toBeVisible();
  expect(sent).toEqual([{ name: `${name} again` }]);
});

test('a description cannot lie over the page', async ({ page }) => {
  await page.goto(`/runs/${seed.trials[2]}`);
  await page.getByRole('button', { name: 'Edit description' }).click();
  await page
    .getByLabel('Description, Markdown')
    .fill(
      '<div style="position:fixed;inset:0;z-index:99">veil</div><dialog open class="x" id="app">fake</dialog>' +
        '<input name="password"><select><option>a</option></select>\n\n**end**',
    );
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('strong', { hasText: 'end' })).toBeVisible();
  const text = page.getByRole('main');
  await expect(text.locator('[style*=fixed], dialog, select, [name=password], main #app')).toHaveCount(0);
  await page.getByText('Model metrics').click();
  await expect(page).toHaveURL(/tab=metrics/);
});

test('artifacts are shown by their kind', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=artifacts`);
  const tree = page.getByRole('navigation', { name: 'Artifacts' });
  await tree.getByRole('button', { name: /^plots/ }).click();
  await tree.getByRole('button', { name: /confusion\.png/ }).click();
  const image = page.getByRole('img', { name: 'plots/confusion.png' });
  await expect.poll(() => image.evaluate((node) => (node as HTMLImageElement).naturalWidth)).toBe(640);
  await expect(page).toHaveURL(/path=plots\/confusion\.png/);

  await tree.getByRole('button', { name: /per_class\.csv/ }).click();
  await expect(page.getByRole('table', { name: '' }).getByRole('cell', { name: '3, of 11' })).toBeVisible();
  await tree.getByRole('button', { name: /guesses\.json/ }).click();
  await expect(page.getByRole('columnheader', { name: 'guess' })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'Rice' })).toBeVisible();
  await tree.getByRole('button', { name: /config\.json/ }).click();
  await expect(page.getByText('"rotation": 15')).toBeVisible();
  await tree.getByRole('button', { name: /report\.md/ }).click();
  await expect(page.locator('strong', { hasText: 'epoch 14' })).toBeVisible();
  await tree.getByRole('button', { name: /gpu-info\.txt/ }).click();
  await expect(page.getByText('NVIDIA A100')).toBeVisible();
});

test('the files of a logged model are reached from its run', async ({ page }) => {
  await page.goto(`/runs/${seed.run}`);
  await page.getByRole('link', { name: 'food11', exact: true }).click();
  const tree = page.getByRole('navigation', { name: 'Artifacts' });
  await expect(page.getByText('This folder holds a model')).toBeVisible();
  await expect(page).toHaveURL(/path=models/);
  await page.goto(`/runs/${seed.run}?tab=artifacts`);
  await tree.getByRole('button', { name: /^food11/ }).click();
  await tree.getByRole('button', { name: /^MLmodel/ }).click();
  await expect(page.getByText('loader_module: mlflow.pyfunc.model')).toBeVisible();
  await page.reload();
  await expect(tree.getByRole('button', { name: /^MLmodel/ })).toHaveAttribute('aria-current', 'true');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('MLmodel');
  await tree.getByRole('button', { name: /^food11/ }).click();
  await page.getByRole('main').getByRole('button', { name: 'Register model' }).last().click();
  await expect(page.getByRole('dialog').locator('select')).toHaveValue('food11 (logged model)');
});

test('a download brings the file as it is', async ({ page }) => {
  await page.goto(`/runs/${seed.run}?tab=artifacts&path=gpu-info.txt`);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('gpu-info.txt');
});

test.describe(() => {
  test.use({ allowed: /sandboxed/ });
  test('HTML runs nothing', async ({ page }) => {
    await page.goto(`/runs/${seed.run}?tab=artifacts&path=report.html`);
    const frame = page.frameLocator('iframe');
    await expect(frame.getByRole('heading', { name: 'Hello' })).toBeVisible();
    await expect(page.locator('iframe')).toHaveAttribute('sandbox', '');
    await expect(page).toHaveTitle(/mobilenet/);
  });
});

test('a model is registered from its run, and the version leads back', async ({ page }) => {
  await page.goto(`/runs/${seed.run}`);
  await page.getByRole('button', { name: 'Register model' }).click();
  await page.getByLabel('Registered name').fill('meals');
  await expect(page.getByText('A new registered model, version 1.')).toBeVisible();
  await page.getByRole('button', { name: 'Register', exact: true }).click();
  await page.getByRole('button', { name: 'Open' }).click();
  await expect(page.getByRole('heading', { name: 'meals version 1' })).toBeVisible();
  await expect(page.getByRole('button', { name: /MLmodel/ })).toBeVisible();
  await page.getByRole('link', { name: 'mobilenet-v2-finetune' }).click();
  await expect(page.getByRole('link', { name: 'meals version 1' }).first()).toBeVisible();
});
