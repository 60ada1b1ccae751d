import { inspect, parseArgs } from 'node:util'

import { engineAvailability, type EngineKind } from '../support/engine-availability.ts'
import { fates } from './account.ts'
import { type Result, run } from './run.ts'
import { Standstills } from './standstills.ts'

const shortestMs = 60_000
const longestMs = 12 * 3_600_000
/** What takes longer than this to go is told. */
const promptMs = 10_000
const mostTold = 12
const usage = `node scripts/chaos.mjs [--minutes N | --seconds N] [--engine dockerd|podman|both] [--seed S] [--story N]
  --minutes N | --seconds N     how long the wild part is; 2 minutes unless told. At least 60 seconds, or not everything
                                that can go wrong has time to; at most 12 hours: the book of all that was made grows by
                                some 5,000 containers an hour and engine, and only the last 5,000 steps are remembered
  --engine dockerd|podman|both  both at once unless told
  --seed S                      what is tried, and when; what comes of it is the engine's own affair
  --story N                     how many of the last steps are told where something is not right; 60 unless told
  --help                        this
It ends with 0 where every container is accounted for, with 1 where something is not right, with 2 where it could not run.`
const kindsOf: Readonly<Record<string, readonly EngineKind[]>> = {
  dockerd: ['dockerd'],
  podman: ['podman'],
  both: ['dockerd', 'podman'],
}
const say = (text: string) => process.stdout.write(`${text}\n`)

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      engine: { type: 'string', default: 'both' },
      seed: { type: 'string' },
      story: { type: 'string', default: '60' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const durationMs =
    values.seconds === undefined ? Number(values.minutes ?? 2) * 60_000 : Number(values.seconds) * 1000
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
  const kinds = kindsOf[values.engine]
  const steps = Number(values.story)
  const isLong = durationMs >= shortestMs && durationMs <= longestMs
  if (!isLong || !Number.isSafeInteger(seed) || !(steps >= 0) || kinds === undefined) throw new Error(usage)
  return { durationMs, seed, kinds, steps }
}

function table(result: Result): string {
  const { aheadOfAnswer, counts, faults, kind, made, requests, sent, tally } = result
  const row = (name: string, value: number | string) => `  ${String(value).padStart(5)}  ${name}`
  const told = (map: ReadonlyMap<string, number>) =>
    [...map].map(([name, count]) => `${name} ${count}`).join(', ')
  return [
    `${kind}: ${made} containers asked for`,
    ...fates.map((fate) => row(fate, counts[fate])),
    row(
      'of them removed before the engine had told their agent of them, past the creation grace',
      aheadOfAnswer,
    ),
    row('removals, stops and unpauses that Flotsam sent', sent),
    row('requests through the proxy', requests),
    `  faults: ${told(faults)}`,
    `  events: ${told(tally.events)}`,
    `  log lines: ${told(tally.lines)}`,
    ...toldCalm(result),
  ].join('\n')
}

function toldCalm({ calm: { agentMs, last, tookMs }, journal }: Result): readonly string[] {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const took = `${seconds(tookMs)} after the last fault; the agent ended its own work after ${seconds(agentMs)}`
  if (last === undefined) return [`  nothing dangled any more ${took}`]
  return [
    `  all that dangled was gone, or overdue, ${took}`,
    `  the last was ${last.name}, tried ${last.tries} times`,
    ...(tookMs > promptMs ? journal.last(30, last.name).map((step) => `      ${step}`) : []),
  ]
}

function verdict({ kind, convictions, journal }: Result, steps: number): string {
  if (convictions.length === 0) return `${kind}: every container is accounted for`
  const stories = convictions.slice(0, mostTold).map(({ charge, about }) => {
    const story = about === undefined ? [] : journal.last(30, about)
    return [`  ${charge}`, ...story.map((step) => `      ${step}`)].join('\n')
  })
  return [
    `${kind}: NOT RIGHT, ${convictions.length}:`,
    ...stories,
    ...(convictions.length > mostTold ? [`  and ${convictions.length - mostTold} more`] : []),
    `  the last ${steps} steps:`,
    ...journal.last(steps).map((step) => `    ${step}`),
  ].join('\n')
}

async function main(): Promise<void> {
  const told = readArguments()
  if (!told) {
    say(usage)
    return
  }
  const { durationMs, seed, kinds, steps } = told
  for (const kind of kinds) {
    const { missing } = engineAvailability(kind)
    if (missing.length > 0) throw new Error(`a private ${kind} needs ${missing.join(', ')}`)
  }
  say(`seed ${seed}, ${durationMs / 1000} s on ${kinds.join(' and ')}`)
  const standstills = new Standstills()
  const ended = await Promise.allSettled(
    kinds.map((kind) => run({ kind, seed, durationMs, standstills, say: (text) => say(`${kind}: ${text}`) })),
  )
  for (const [at, one] of ended.entries()) {
    if (one.status === 'rejected') {
      say(`${kinds[at]}: the run itself failed: ${inspect(one.reason)}`)
      process.exitCode = 1
      continue
    }
    say(table(one.value))
    say(verdict(one.value, steps))
    if (one.value.convictions.length > 0) process.exitCode = 1
  }
  if (process.exitCode === 1)
    say(`to try again: node scripts/chaos.mjs --seconds ${durationMs / 1000} --seed ${seed}`)
}

const thrown = (error: unknown) => {
  say(`nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 1
}
process.on('uncaughtException', thrown)
process.on('unhandledRejection', thrown)
await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})
