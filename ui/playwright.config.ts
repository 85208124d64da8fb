import { defineConfig } from '@playwright/test';

// Debian's Chromium: nothing is downloaded. The flags keep it from calling out.
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'tests/journeys',
  workers: 2, // a file of journeys each
  timeout: 40_000,
  expect: { timeout: 8_000 },
  // What passes only when it is tried again is reported as flaky, and shown by tests/ui.
  retries: 1,
  reporter: [['dot'], ['json', { outputFile: 'test-results/report.json' }]],
  outputDir: 'test-results',
  use: {
    baseURL: process.env.TRACKSIDE_URL ?? 'http://127.0.0.1:8000',
    viewport: { width: 1440, height: 900 },
    trace: 'on-first-retry', // tracing each test would take a quarter of the suite's time
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args },
  },
});
