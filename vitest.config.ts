import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/engine-real/**', 'test/**/*.browser.test.ts'],
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          globalSetup: ['test/inspector/page/support/browser-global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // every file starts a browser of its own
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'engine',
          include: ['test/engine-real/**/*.test.ts'],
          globalSetup: ['test/support/engine-global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // every file starts engines of its own; more than two at once only wait for each other
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
