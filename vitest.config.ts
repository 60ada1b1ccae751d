import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { SlowFirst } from './test/support/slow-first.ts'

/** What takes long to show, and needs only Node. */
const proofs = [
  'test/soak/**/*.test.ts',
  'test/simulation/**/*.test.ts',
  'test/machines/life-of-a-container.test.ts',
]

export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/engine-real/**', 'test/**/*.browser.test.ts', ...proofs],
          // a worker keeps the modules that it has loaded for its next file
          isolate: false,
          // Vitest would leave one processor idle; and some files mostly wait
          maxWorkers: availableParallelism() + 1,
          // time is the tests' own; this ends only what hangs, however slow the machine
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'proofs',
          include: proofs,
          maxWorkers: availableParallelism(),
          testTimeout: 180_000,
          hookTimeout: 180_000,
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
          // what is waited for has limits of its own; these end only what hangs, however slow the machine
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // every file starts engines of its own, one after the other, and mostly waits for them and for graces
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
