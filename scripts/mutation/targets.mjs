import { readFileSync } from 'node:fs'

const ofFunctions = [
  'test/policy/{judge,listing-faults,namespaces,ownership,rejoining,second-source}.test.ts',
  'test/domain/errors.test.ts',
  'test/options/{duration,generated,kinds,read,schema,things}.test.ts',
  'test/engine/failure.test.ts',
  'test/machines/{container.record,failure-streaks,scan-pace}.test.ts',
  'test/containers/{freshness,known-container,removal-queue}.test.ts',
  'test/removing/{last-inspection,last-question}.test.ts',
  'test/scanning/{graces,graces.record,last-known,tracker}.test.ts',
]
const ofCharts = ['test/machines/*.{transitions,properties}.test.ts']

/** The code to mutate: what decides, and the guards of the charts. */
export const targets = [
  { path: 'src/policy/judge.ts', tests: ofFunctions },
  { path: 'src/policy/ownership.ts', tests: ofFunctions },
  { path: 'src/policy/namespaces.ts', tests: ofFunctions },
  { path: 'src/policy/rejoining.ts', tests: ofFunctions },
  { path: 'src/policy/second-source.ts', tests: ofFunctions },
  { path: 'src/policy/listing-faults.ts', tests: ofFunctions },
  { path: 'src/domain/errors.ts', tests: ofFunctions },
  { path: 'src/options/kinds.ts', tests: ofFunctions },
  { path: 'src/options/owner-label.ts', tests: ofFunctions },
  { path: 'src/options/objects.ts', tests: ofFunctions },
  { path: 'src/options/read.ts', tests: ofFunctions },
  { path: 'src/options/contradiction.ts', tests: ofFunctions },
  { path: 'src/options/duration.ts', tests: ofFunctions },
  { path: 'src/containers/removal-queue.ts', tests: ofFunctions },
  { path: 'src/containers/freshness.ts', tests: ofFunctions },
  { path: 'src/containers/known-container.ts', tests: ofFunctions },
  { path: 'src/removing/last-inspection.ts', tests: ofFunctions },
  { path: 'src/removing/last-question.ts', tests: ofFunctions },
  { path: 'src/scanning/graces.ts', tests: ofFunctions },
  { path: 'src/scanning/tracker.ts', tests: ofFunctions },
  { path: 'src/scanning/last-known.ts', tests: ofFunctions },
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
