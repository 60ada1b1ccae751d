/**
 * Measures the cost of Flotsam, compared with the alternatives:
 *
 * npm run bench -- [--only GROUPS] [--engines embedded,dockerd] [--sizes 100,1000,10000,100000] [--samples N]
 *                  [--lives N] [--rounds N] [--idle-seconds N] [--width N] [--json FILE] [--check] [--write]
 *
 * `--samples`: rounds of short measurements; `--lives`: complete lives, for stalls; `--rounds`: removals on dockerd.
 * `--write` replaces the results of the same groups in bench/results.json, and regenerates docs/performance.md. dockerd
 * needs root, like the tests on real engines; without it, give `--engines embedded`.
 *
 * Machines are shared and noisy, so compared figures are measured side by side in one run. Exit codes: 0 done; 1 failed,
 * or a goal was missed with --check; 2 wrong usage.
 */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'
import { linearity } from './figures.mjs'
import { groups, measureAll } from './measure.mjs'
import { keepResults, writePage } from './page.mjs'
import { figuresTable } from './table.mjs'

const engineKinds = ['embedded', 'dockerd']
const commonSizes = [100, 1000, 10_000, 100_000]

function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: groups.join(',') },
      engines: { type: 'string', default: engineKinds.join(',') },
      sizes: { type: 'string', default: commonSizes.join(',') },
      samples: { type: 'string', default: '10' },
      lives: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '2' },
      'idle-seconds': { type: 'string', default: '180' },
      width: { type: 'string', default: '2' },
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  const number = (flag) => positive(flag, values[flag])
  return {
    wanted: someOf('--only', values.only, groups),
    engines: someOf('--engines', values.engines, engineKinds),
    sizes: values.sizes.split(',').map((text) => positive('sizes', text)),
    samples: number('samples'),
    lives: number('lives'),
    dockerdRounds: number('rounds'),
    idleMs: number('idle-seconds') * 1000,
    width: number('width'),
    json: values.json,
    isChecked: values.check,
    isWritten: values.write,
    log: (line) => process.stderr.write(`${line}\n`),
    fail(why) {
      this.hasFailed = true
      this.log(`could not be measured: ${why}`)
    },
    hasFailed: false,
  }
}

function someOf(flag, text, all) {
  const wanted = new Set(text.split(','))
  const unknown = [...wanted].filter((one) => !all.includes(one))
  if (unknown.length > 0) {
    throw new TypeError(`${flag}: there is no ${unknown.join(', ')}; there are ${all.join(', ')}`)
  }
  return wanted
}

function positive(flag, text) {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) {
    throw new TypeError(`--${flag}: ${text} is not a whole number above 0`)
  }
  return number
}

async function main(options) {
  build()
  const beganMs = performance.now()
  const run = {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    loadBefore: loadavg()[0],
  }
  const figures = []
  const save = (results) => {
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
  }
  for await (const figure of measureAll(options)) {
    figures.push({ ...figure, load: loadavg()[0] })
    // an interrupted run has some measurements too
    save({ ...run, loadAfter: loadavg()[0], figures })
    options.log(
      `${((performance.now() - beganMs) / 1000).toFixed(0)} s: ${figure.group}, ${figure.engine}, ${figure.containers}: ${figure.what}`,
    )
  }
  figures.push(...linearity(figures))
  const results = { ...run, loadAfter: loadavg()[0], figures }
  process.stdout.write(figuresTable(results))
  save(results)
  if (options.isWritten) writePage(keepResults(results))
  if (options.hasFailed) return 1
  return options.isChecked && figures.some(({ isMet }) => isMet === false) ? 1 : 0
}

let options
try {
  options = readArguments()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}
process.exit(await main(options))
