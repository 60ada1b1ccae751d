import { setTimeout as elapse } from 'node:timers/promises'
import Docker from 'dockerode'
import { pino } from 'pino'
import { createReconciler, type Reconciler } from '../../src/index.ts'
import type { Random } from '../simulation/random.ts'
import type { Journal } from './journal.ts'
import { owner } from './labels.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './plan.ts'
import { type Watch, WatchedAgent } from './watched-agent.ts'
import { harmIn, inspectedIn, lifeHeader, questionIn } from './wire.ts'
import type { Witness } from './witness.ts'

const everyState = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const

/** How often the tracker has no answer. */
const trackerFailureShare = 0.04

export interface Tally {
  readonly lines: Map<string, number>
  readonly events: Map<string, number>
}

export interface LifeOptions {
  readonly socketPath: string
  readonly ledger: Ledger
  readonly journal: Journal
  readonly witness: Witness
  readonly settings: Settings
  readonly random: Random
  readonly tally: Tally
  /** Called in the middle of the hook's question. */
  readonly onAsked: (id: string) => Promise<void>
}

export interface Life {
  readonly reconciler: Reconciler
  /** The tracker answers again. */
  calmDown(): void
  end(): Promise<void>
}

/** One life of Flotsam, as long as its agent lives, watched from where its requests leave. */
export function beginLife(options: LifeOptions): Life {
  const { ledger } = options
  const { life } = ledger
  const state = { isOver: false, isCalm: false }
  const connection = watchedConnection(options.socketPath, life, ({ method, path }) => {
    const question = questionIn(method, path)
    if (question !== undefined) return noteQuestion(question, path, options, life)
    const harm = harmIn(method, path)
    if (!harm) return undefined
    ledger.departs(harm, life)
    if (state.isOver) ledger.convict(`${harm.verb} left after stop()`, ledger.byId(harm.target)?.name)
    return undefined
  })
  const reconciler = reconcilerFor(options, connection, state)
  countEvents(reconciler, options)
  reportEnds(reconciler, options.witness, life)
  runStory(reconciler, options.journal)
  reconciler.on('spared', ({ id, reason }) => {
    if (life === ledger.life && reason === 'inspection-disagrees') ledger.disagreements.asked(id, Date.now())
  })
  reconciler.on('scanned', ({ beganAt, endedAt }) => {
    if (life === ledger.life) ledger.scanned({ beganMs: beganAt, endedMs: endedAt })
  })
  reconciler.on('crashed', ({ message }) => ledger.convict(`Flotsam crashed: ${message}`))
  reconciler.start()
  return {
    reconciler,
    calmDown: () => void (state.isCalm = true),
    end: async () => {
      const stopped = reconciler.stop()
      state.isOver = true
      await stopped
    },
  }
}

/** A question counts as failed until its answer arrives. */
function noteQuestion(
  what: string,
  path: string,
  { ledger }: LifeOptions,
  life: number,
): (status: number) => void {
  const atMs = Date.now()
  const { questions } = ledger
  if (life === ledger.life) questions.asked(what, atMs)
  const inspected = path.startsWith('/libpod/') ? undefined : inspectedIn('GET', path)
  return (status) => {
    if (status === 200 && inspected !== undefined) ledger.inspected(inspected, atMs, life)
    if (status === 200 || status === 404) questions.answered(what)
  }
}

function reconcilerFor(
  { ledger, onAsked, random, settings, tally }: LifeOptions,
  engine: Docker,
  state: { readonly isOver: boolean; readonly isCalm: boolean },
): Reconciler {
  const mood = () => {
    if (state.isCalm || !random.chance(trackerFailureShare)) return 'knows' as const
    return random.chance(0.5) ? ('unknown' as const) : ('throws' as const)
  }
  return createReconciler({
    owner,
    engine,
    tracked: ledger.trackerOf(mood),
    logger: pino({ level: 'info' }, { write: (line: string) => countLine(tally, line) }),
    period: settings.periodMs,
    creationGrace: ledger.graces.creationMs,
    restoreGrace: ledger.graces.restoreMs,
    releaseGrace: ledger.graces.releaseMs,
    recoveryGrace: ledger.graces.recoveryMs,
    allowShortGrace: true,
    ...(settings.coversEnded ? { states: everyState } : {}),
    backoff: { min: '200ms', max: '1s' },
    stopTimeout: settings.stopTimeoutMs,
    events: settings.receivesEvents,
    maxConcurrentRemovals: settings.maxConcurrentRemovals,
    beforeRemove: async ({ id }) => {
      await elapse(random.between(0, 250))
      if (!state.isCalm && !state.isOver) await onAsked(id)
      return true
    },
  })
}

const counted = [
  'scanned',
  'removed',
  'vanished',
  'removeFailed',
  'stuck',
  'stalled',
  'engineDown',
  'engineUp',
] as const

function countEvents(reconciler: Reconciler, { tally: { events } }: LifeOptions): void {
  for (const name of counted) reconciler.on(name, () => void events.set(name, (events.get(name) ?? 0) + 1))
}

function reportEnds(reconciler: Reconciler, witness: Witness, life: number): void {
  reconciler.on('removed', ({ id, confirmedBy }) => witness.said({ word: 'removed', confirmedBy, id, life }))
  reconciler.on('vanished', ({ id }) => witness.said({ word: 'vanished', id, life }))
}

function runStory(reconciler: Reconciler, journal: Journal): void {
  const note = (text: string) => journal.note('flotsam', text)
  reconciler.on('removeFailed', ({ name, kind, failures, retryInMs, message }) =>
    note(`removal ${failures} of ${name} failed: ${kind}: ${message}; retrying in ${retryInMs} ms`),
  )
  reconciler.on('spared', ({ name, reason }) => note(`spares ${name}: ${reason}`))
  reconciler.on('stuck', ({ name }) => note(`${name} is stuck`))
  reconciler.on('scanned', ({ listed, dangling, graced, durationMs }) =>
    note(
      `scanned for ${Math.round(durationMs)} ms: ${listed} listed, ${graced} graced, ${dangling} dangling`,
    ),
  )
  reconciler.on('stalled', ({ stalledMs }) => note(`the process stalled for ${Math.round(stalledMs)} ms`))
  reconciler.on('engineDown', ({ kind, message }) => note(`engine down: ${kind}: ${message}`))
  reconciler.on('engineUp', () => note('engine up'))
  reconciler.on('degraded', ({ about, kind, message }) => note(`degraded: ${about}: ${kind}: ${message}`))
  reconciler.on('recovered', ({ about }) => note(`recovered: ${about}`))
}

/** A client whose every request is recorded as it leaves, and is marked with its life. */
function watchedConnection(socketPath: string, life: number, watch: Watch): Docker {
  const agent = new WatchedAgent(watch)
  const headers = { [lifeHeader]: String(life) }
  return new Docker({ protocol: 'http', socketPath, agent, headers } as Docker.DockerOptions)
}

function countLine({ lines }: Tally, line: string): void {
  const { level } = JSON.parse(line) as { level: number }
  const name = level >= 50 ? 'error' : level >= 40 ? 'warn' : 'info'
  lines.set(name, (lines.get(name) ?? 0) + 1)
}
