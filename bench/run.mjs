/**
 * Measures what Flotsam costs, on a private engine: `npm run bench -- [--json FILE] [--check] [--only look,removal,idle]
 * [--samples N] [--idle-seconds N]`. Needs root and what the tests on real engines need.
 *
 * Machines are shared and noisy, so what is compared is a ratio taken side by side in one run. Exit codes: 0 done; 1 it
 * failed, or with --check a goal was missed; 2 wrong usage.
 */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { BareClient } from './bare.mjs'
import { runContainers, startPrivateEngine } from './engine.mjs'
import { measureIdle } from './idle.mjs'
import { measureLook } from './look.mjs'
import { measureRemoval } from './removal.mjs'
import { within } from './statistics.mjs'
import { figuresTable } from './table.mjs'

const containerCount = 200
const preparationDeadlineMs = 300_000
const clearingsAtOnce = 4
const idlePeriods = ['5m', '30s']
const goals = { look: 1.2, removal: 1.15, idlePercent: 0.5 }
const parts = ['look', 'removal', 'idle']

function readArguments() {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      check: { type: 'boolean', default: false },
      only: { type: 'string', default: parts.join(',') },
      samples: { type: 'string', default: '10' },
      'idle-seconds': { type: 'string', default: '60' },
    },
  })
  const wanted = new Set(values.only.split(','))
  const unknown = [...wanted].filter((part) => !parts.includes(part))
  if (unknown.length > 0) {
    throw new TypeError(`--only: there is no ${unknown.join(', ')}; there are ${parts.join(', ')}`)
  }
  const samples = positive('--samples', values.samples)
  const idleMs = positive('--idle-seconds', values['idle-seconds']) * 1000
  return { json: values.json, isChecked: values.check, wanted, samples, idleMs }
}

function positive(flag, text) {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) {
    throw new TypeError(`${flag}: ${text} is no whole number above 0`)
  }
  return number
}

async function describeRun(engine) {
  const { Version, ApiVersion } = await engine.docker.version()
  const [cpu] = cpus()
  return {
    date: new Date().toISOString(),
    node: process.version,
    engine: `dockerd ${Version} (API ${ApiVersion})`,
    cores: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    loadBefore: loadavg()[0],
  }
}

/** The figures that were asked for, one after the other. */
async function* measure(engine, { wanted, samples, idleMs }) {
  const needsMany = wanted.has('look') || wanted.has('idle')
  const making = runContainers(engine, needsMany ? containerCount : 0)
  const ids = await within(preparationDeadlineMs, making, 'making containers')
  if (wanted.has('look')) {
    yield ratioFigure(
      `a look at ${containerCount} tracked containers`,
      goals.look,
      await measureLook(engine, ids, samples),
    )
  }
  if (wanted.has('idle')) {
    for (const idle of await measureIdle(engine, ids, idlePeriods, idleMs)) yield idleFigure(idle, idleMs)
  }
  await within(preparationDeadlineMs, clearAway(engine, ids), 'removing the containers again')
  if (wanted.has('removal')) {
    yield ratioFigure('removing 60 running containers', goals.removal, await measureRemoval(engine, samples))
  }
}

/** So that what is measured next has the engine to itself. */
async function clearAway(engine, ids) {
  const bare = new BareClient(engine.socketPath, clearingsAtOnce)
  await bare.removeAll(ids, clearingsAtOnce)
  bare.close()
}

function ratioFigure(name, goal, { oursMs, bareMs, ratio }) {
  return {
    name,
    unit: 'ms',
    ours: oursMs,
    bare: bareMs,
    ratio,
    goal: `ratio ≤ ${goal}`,
    isMet: ratio.median <= goal,
  }
}

function idleFigure({ period, meanPercent, slicePercent, looks, bare }, idleMs) {
  const name = `idle for ${idleMs / 1000} s, period ${period} (${looks} looks)`
  return {
    name,
    unit: '% of a core',
    ours: { ...slicePercent, mean: meanPercent },
    bare: { ...bare.slicePercent, mean: bare.meanPercent },
    goal: `mean < ${goals.idlePercent} %`,
    isMet: meanPercent < goals.idlePercent,
  }
}

async function main(options) {
  const engine = await startPrivateEngine()
  try {
    const run = await describeRun(engine)
    const figures = []
    for await (const figure of measure(engine, options)) {
      figures.push(figure)
      process.stderr.write(`measured: ${figure.name}\n`)
    }
    process.stdout.write(figuresTable(run, figures))
    if (options.json !== undefined) {
      writeFileSync(options.json, `${JSON.stringify({ ...run, figures }, null, 2)}\n`)
    }
    return options.isChecked && figures.some(({ isMet }) => !isMet) ? 1 : 0
  } finally {
    await engine.stop()
  }
}

let options
try {
  options = readArguments()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}
process.exit(await main(options))
