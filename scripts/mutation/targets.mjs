import { readFileSync } from 'node:fs'

const ofFunctions = [
  'test/policy/{judge,ownership}.test.ts',
  'test/domain/errors.test.ts',
  'test/options/{read,schema,duration}.test.ts',
  'test/engine/failure.test.ts',
  'test/machines/{container.record,failure-streaks,scan-pace}.test.ts',
  'test/containers/{freshness,record}.test.ts',
]
const ofCharts = ['test/machines/*.{transitions,properties}.test.ts']

/** The code to mutate: what decides, and the guards of the charts. */
export const targets = [
  { path: 'src/policy/judge.ts', tests: ofFunctions },
  { path: 'src/policy/ownership.ts', tests: ofFunctions },
  { path: 'src/domain/errors.ts', tests: ofFunctions },
  { path: 'src/options/kinds.ts', tests: [...ofFunctions, 'test/cli/bad-input.test.ts'] },
  { path: 'src/options/owner-label.ts', tests: [...ofFunctions, 'test/cli/usage.test.ts'] },
  { path: 'src/options/things.ts', tests: ofFunctions },
  { path: 'src/options/read.ts', tests: ofFunctions },
  { path: 'src/options/contradiction.ts', tests: ofFunctions },
  { path: 'src/options/duration.ts', tests: ofFunctions },
  { path: 'src/containers/freshness.ts', tests: ofFunctions },
  { path: 'src/containers/known-container.ts', tests: ofFunctions },
  { path: 'machines/container.record.ts', tests: ofFunctions },
  { path: 'machines/failure-streaks.ts', tests: ofFunctions },
  { path: 'machines/scan-pace.ts', tests: ofFunctions },
  { path: 'machines/container.machine.ts', tests: ofCharts, isGuardsOnly: true },
  { path: 'machines/supervisor.machine.ts', tests: ofCharts, isGuardsOnly: true },
]

/** The range of lines with the guards of a file, as `first-last`. */
export function guardsOf(path) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const first = lines.findIndex((line) => /^ +guards: \{$/.test(line))
  const indent = /^ */.exec(lines[first] ?? '')?.[0]
  const last = lines.findIndex((line, at) => at > first && line === `${indent}},`)
  if (first < 0 || last < 0) throw new Error(`${path} has no guards where they are expected`)
  return `${first + 1}-${last + 1}`
}
