import { inspect, parseArgs } from 'node:util'
import type { EngineKind } from '../support/engine-availability.ts'
import { type EngineUnderTest, findEngines, oldestAndNewest } from '../support/engine-matrix.ts'
import { fates } from './account.ts'
import { rules, runBroken } from './broken.ts'
import { roundsOf } from './rounds.ts'
import { type Result, run } from './run.ts'
import { Standstills } from './standstills.ts'

const shortestMs = 60_000
const longestMs = 12 * 3_600_000
/** Removals slower than this are reported. */
const promptMs = 10_000
const mostReported = 12
const usage = `node scripts/chaos.mjs [--minutes N | --seconds N] [--engine NAME]... [--seed S] [--story N] [--mutation RULE]
  --minutes N | --seconds N  how long the wild part is, of all engines together; 2 minutes by default. Engines run in rounds,
                             at most one of each kind at a time, and each round needs at least 60 seconds, or not
                             everything that can go wrong has time to; at most 12 hours: the ledger
                             grows by some 5,000 containers an hour and engine, and only the last 5,000 steps are remembered
  --engine NAME              such as dockerd-20.10 or podman-5.8; a kind, dockerd or podman, is its oldest and its newest
                             that are here; both kinds by default
  --seed S                   what is attempted, and when; the outcome depends on the engine
  --story N                  how many of the last steps are printed when something is wrong; 60 by default
  --mutation RULE            the same with one rule of the library switched off, which must be detected: ${rules.join(', ')}
  --help                     this
It exits with 0 if every container is accounted for, with 1 if something is wrong, with 2 if it could not run, with 3 if the machine
was too slow to attempt all of it;
with --mutation, with 0 if a removal or a report was convicted, with 1 if none was.`
const say = (text: string) => process.stdout.write(`${text}\n`)

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      engine: { type: 'string', multiple: true, default: ['dockerd', 'podman'] },
      seed: { type: 'string' },
      story: { type: 'string', default: '60' },
      mutation: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const durationMs =
    values.seconds === undefined ? Number(values.minutes ?? 2) * 60_000 : Number(values.seconds) * 1000
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
  const steps = Number(values.story)
  const rounds = roundsOf(enginesNamed(values.engine))
  const isLong = durationMs >= rounds.length * shortestMs && durationMs <= longestMs
  if (!isLong || !Number.isSafeInteger(seed) || !(steps >= 0)) throw new Error(usage)
  return { durationMs, seed, rounds, steps, names: values.engine, mutation: values.mutation }
}

function enginesNamed(names: readonly string[]): readonly EngineUnderTest[] {
  const here = findEngines()
  const named = names.flatMap((name) => {
    const found = isKind(name) ? oldestAndNewest(name)(here) : here.filter((engine) => engine.name === name)
    if (found.length > 0) return found
    throw new Error(`no ${name} is here; here are: ${here.map((engine) => engine.name).join(', ') || 'none'}`)
  })
  return [...new Set(named)]
}

function isKind(name: string): name is EngineKind {
  return name === 'dockerd' || name === 'podman'
}

function table(result: Result): string {
  const { aheadOfAnswer, counts, engineName, faults, made, requests, sent, tally } = result
  const row = (name: string, value: number | string) => `  ${String(value).padStart(5)}  ${name}`
  const reported = (map: ReadonlyMap<string, number>) =>
    [...map].map(([name, count]) => `${name} ${count}`).join(', ')
  return [
    `${engineName}: ${made} containers asked for`,
    ...fates.map((fate) => row(fate, counts[fate])),
    row('of them removed before the engine had answered their agent, past the creation grace', aheadOfAnswer),
    row('removals, stops and unpauses that Flotsam sent', sent),
    row('requests through the proxy', requests),
    `  faults: ${reported(faults)}`,
    `  events: ${reported(tally.events)}`,
    `  log lines: ${reported(tally.lines)}`,
    ...reportedCalm(result),
  ].join('\n')
}

function reportedCalm({ calm: { agentMs, last, quickMs, tookMs }, journal }: Result): readonly string[] {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const took = `${seconds(tookMs)} after the last fault; the agent ended its own work after ${seconds(agentMs)}, and of the rest engine and machine were quick for ${seconds(quickMs)}`
  if (last === undefined) return [`  nothing dangled any more ${took}`]
  return [
    `  all that dangled was gone, or overdue, ${took}`,
    `  the last was ${last.name}, attempted ${last.attempts} times`,
    ...(tookMs > promptMs ? journal.last(30, last.name).map((step) => `      ${step}`) : []),
  ]
}

function verdict({ engineName, convictions, idle, journal }: Result, steps: number): string {
  if (convictions.length === 0 && idle.length > 0)
    return `${engineName}: every container is accounted for, but NOT ATTEMPTED, since the machine was too slow: ${idle.join(', ')}`
  if (convictions.length === 0) return `${engineName}: every container is accounted for`
  const stories = convictions.slice(0, mostReported).map(({ charge, about }) => {
    const story = about === undefined ? [] : journal.last(30, about)
    return [`  ${charge}`, ...story.map((step) => `      ${step}`)].join('\n')
  })
  return [
    `${engineName}: NOT RIGHT, ${convictions.length}:`,
    ...stories,
    ...(convictions.length > mostReported ? [`  and ${convictions.length - mostReported} more`] : []),
    `  the last ${steps} steps:`,
    ...journal.last(steps).map((step) => `    ${step}`),
  ].join('\n')
}

async function main(): Promise<void> {
  const reported = readArguments()
  if (!reported) {
    say(usage)
    return
  }
  const { durationMs, mutation, names, rounds, seed, steps } = reported
  if (mutation !== undefined) return goBroken(mutation, reported)
  const roundMs = durationMs / rounds.length
  for (const engines of rounds) {
    const called = engines.map(({ name, version }) => `${name} (${version})`)
    say(`seed ${seed}, ${roundMs / 1000} s on ${called.join(' and ')}`)
    await goRound(engines, { seed, durationMs: roundMs, steps })
  }
  if (process.exitCode !== 1) return
  const asked = names.map((name) => `--engine ${name}`).join(' ')
  say(`to run it again: node scripts/chaos.mjs --seconds ${durationMs / 1000} ${asked} --seed ${seed}`)
}

async function goBroken(
  rule: string,
  {
    durationMs,
    names,
    seed,
    steps,
  }: { durationMs: number; names: readonly string[]; seed: number; steps: number },
): Promise<void> {
  const asked = names.flatMap((name) => ['--engine', name])
  const numbers = ['--seconds', durationMs / 1000, '--seed', seed, '--story', steps].map(String)
  const breaches = await runBroken(rule, [...numbers, ...asked])
  say(`${rule} switched off: ${breaches.length} removals or words that it alone prevents were convicted`)
  if (breaches.length === 0) process.exitCode = 1
}

/** These engines side by side, in one process. */
async function goRound(
  engines: readonly EngineUnderTest[],
  { seed, durationMs, steps }: { readonly seed: number; readonly durationMs: number; readonly steps: number },
): Promise<void> {
  const standstills = new Standstills()
  const ended = await Promise.allSettled(
    engines.map((about) =>
      run({ about, seed, durationMs, standstills, say: (text) => say(`${about.name}: ${text}`) }),
    ),
  )
  for (const [at, one] of ended.entries()) {
    if (one.status === 'rejected') {
      say(`${engines[at]?.name}: the run itself failed: ${inspect(one.reason)}`)
      process.exitCode = 1
      continue
    }
    say(table(one.value))
    say(verdict(one.value, steps))
    if (one.value.convictions.length > 0) process.exitCode = 1
    else if (one.value.idle.length > 0) process.exitCode ??= 3
  }
}

const thrown = (error: unknown) => {
  say(`uncaught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 1
}
process.on('uncaughtException', thrown)
process.on('unhandledRejection', thrown)
await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})
