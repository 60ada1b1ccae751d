// Mutates the code that decides and reports the changes that no test detects.
// Fails if the score of a file is too low, if survivors.json lacks a survivor, or if it lists one that does not survive.
// With paths as arguments only those files are mutated.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, chdir, env, stdout } from 'node:process'
import { Stryker } from '@stryker-mutator/core'
import { judgeSurvivors, readMutants, scoreOf, surviving } from './survivors.mjs'
import { guardsOf, targets } from './targets.mjs'

const leastScore = 90
const asked = argv.slice(2)

chdir(join(import.meta.dirname, '../..'))
const named = JSON.parse(readFileSync('scripts/mutation/survivors.json', 'utf8'))
const files = asked.length > 0 ? targets.filter(({ path }) => asked.includes(path)) : targets
if (files.length < asked.length) throw new Error(`only these are mutated: ${pathsOf(targets).join(', ')}`)

// read now, because a run takes minutes and the sources may be edited meanwhile
const sources = new Map(pathsOf(files).map((path) => [path, readFileSync(path, 'utf8').split('\n')]))
const tempDirName = mkdtempSync(join(tmpdir(), 'flotsam-mutation-'))
try {
  const mutants = []
  for (const group of new Set(files.map(({ tests }) => tests))) {
    mutants.push(...readMutants(await mutate(group), sources))
  }
  process.exitCode = report(mutants) ? 0 : 1
} finally {
  rmSync(tempDirName, { recursive: true, force: true })
}

function mutate(tests) {
  env['MUTATION_TESTS'] = JSON.stringify(tests)
  const stryker = new Stryker({
    allowEmpty: false,
    // A worker changes its directory, where the plugin could not be resolved by name.
    plugins: [import.meta.resolve('@stryker-mutator/vitest-runner')],
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutation/vitest.config.ts' },
    coverageAnalysis: 'perTest',
    mutate: files
      .filter((file) => file.tests === tests)
      .map(({ path, isGuardsOnly }) => (isGuardsOnly ? `${path}:${guardsOf(path)}` : path)),
    ignorePatterns: ['dist', 'coverage', 'bench'],
    concurrency: Number(env['MUTATION_WORKERS'] ?? 1),
    reporters: [stdout.isTTY ? 'progress' : 'progress-append-only'],
    logLevel: 'error',
    checkers: [],
    disableTypeChecks: false,
    timeoutMS: 20_000,
    tempDirName,
  })
  return stryker.runMutationTest()
}

/** Prints the score of each file and the survivors; returns whether they are as required. */
function report(mutants) {
  const ofFiles = pathsOf(files).map((path) => ({
    path,
    ofFile: mutants.filter(({ file }) => file === path),
  }))
  for (const { path, ofFile } of ofFiles) print(`${scoreText(ofFile)}  ${path}`)
  print(`${scoreText(mutants)}  all`)

  const { unnamed, stale } = judgeSurvivors(
    surviving(mutants),
    named.filter(({ file }) => pathsOf(files).includes(file)),
  )
  for (const mutant of unnamed) print(`survives, and survivors.json does not name it: ${inWords(mutant)}`)
  for (const name of stale) print(`named in survivors.json, and does not survive: ${inWords(name)}`)
  const low = ofFiles.filter(({ ofFile }) => scoreOf(ofFile) < leastScore)
  for (const { path } of low) print(`the score is below ${leastScore} %: ${path}`)
  return low.length === 0 && unnamed.length === 0 && stale.length === 0
}

function scoreText(mutants) {
  const alive = surviving(mutants).length
  return `${scoreOf(mutants).toFixed(1).padStart(5)} %  ${String(mutants.length - alive).padStart(4)} of ${String(mutants.length).padStart(4)}`
}

/** An entry for survivors.json, without the reason. */
function inWords({ file, line, mutator, code, mutated, becomes }) {
  const place = line ? `line ${line}\n` : ''
  return `${place}${JSON.stringify({ file, mutator, code, mutated, becomes })}`
}

function pathsOf(some) {
  return some.map(({ path }) => path)
}

function print(text) {
  stdout.write(`${text}\n`)
}
