import { readFileSync } from 'node:fs'

const ofFunctions = [
  'test/{judge,owner,errors,options,duration}.test.ts',
  'test/engine/failure.test.ts',
  'test/supervision/{retries,verdict-window}.test.ts',
]
const ofCharts = ['test/machines/*.transitions.test.ts']

/** What is mutated: the code that decides, and of what the charts are provided with, the guards. */
export const targets = [
  { path: 'src/judge.ts', tests: ofFunctions },
  { path: 'src/owner.ts', tests: ofFunctions },
  { path: 'src/errors.ts', tests: ofFunctions },
  { path: 'src/options.ts', tests: ofFunctions },
  { path: 'src/data-options.ts', tests: ofFunctions },
  { path: 'src/option-complaint.ts', tests: ofFunctions },
  { path: 'src/duration.ts', tests: ofFunctions },
  { path: 'src/supervision/verdict-window.ts', tests: ofFunctions },
  { path: 'src/supervision/retries.ts', tests: ofFunctions },
  { path: 'src/supervision/container-behaviour.ts', tests: ofCharts, isGuardsOnly: true },
  { path: 'src/supervision/supervisor-behaviour.ts', tests: ofCharts, isGuardsOnly: true },
]

/** The lines of a file's guards, as `first-last`. */
export function guardsOf(path) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const first = lines.findIndex((line) => /^ +guards: \{$/.test(line))
  const indent = /^ */.exec(lines[first] ?? '')?.[0]
  const last = lines.findIndex((line, at) => at > first && line === `${indent}},`)
  if (first < 0 || last < 0) throw new Error(`${path} has no guards where they are looked for`)
  return `${first + 1}-${last + 1}`
}
