import { defineConfig } from 'vitest/config'

// Only the tests that know the mutated files closely: with all of them a run would take hours.
export default defineConfig({
  test: {
    include: JSON.parse(process.env['MUTATION_TESTS'] ?? '[]') as string[],
    runner: 'scripts/mutation/loading-runner.ts',
    // the result of a mutant must not depend on random numbers
    setupFiles: ['scripts/mutation/same-numbers.ts'],
  },
})
