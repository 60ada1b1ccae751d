import { Agent } from 'node:http'
import { setTimeout as elapse } from 'node:timers/promises'
import Docker from 'dockerode'
import { pino } from 'pino'

import { createReconciler, type Reconciler } from '../../src/index.ts'
import type { Random } from '../simulation/random.ts'
import type { Journal } from './journal.ts'
import { owner } from './labels.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './plan.ts'
import type { Witness } from './witness.ts'
import { harmIn, lifeHeader } from './wire.ts'

/** How often the tracker does not know what it is asked. */
const trackerTroubleShare = 0.04
/** How often a container is found again between the last look and the last question: what fresh-look is for. */
const foundAgainShare = 0.25

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
  /** Told in the middle of the hook's question. */
  readonly onAsked: (id: string) => void
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
  const connection = watchedConnection(options.socketPath, life, (method, path) => {
    const harm = harmIn(method, path)
    if (!harm) return
    ledger.departs(harm, life)
    if (state.isOver) ledger.convict(`${harm.verb} left after stop()`, ledger.byId(harm.target)?.name)
  })
  const reconciler = reconcilerFor(options, connection, state)
  countEvents(reconciler, options)
  tellEnds(reconciler, options.witness, life)
  tellStory(reconciler, options.journal)
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

function reconcilerFor(
  { ledger, onAsked, random, settings, tally }: LifeOptions,
  engine: Docker,
  state: { readonly isOver: boolean; readonly isCalm: boolean },
): Reconciler {
  const mood = () => {
    if (state.isCalm || !random.chance(trackerTroubleShare)) return 'knows' as const
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
    states: ['created', 'running', 'paused', 'restarting', 'exited', 'dead'],
    backoff: { min: '200ms', max: '1s' },
    stopTimeout: settings.stopTimeoutMs,
    events: settings.hearsEvents,
    maxConcurrentRemovals: settings.maxConcurrentRemovals,
    beforeRemove: async ({ id }) => {
      await elapse(random.between(0, 250))
      if (!state.isCalm && !state.isOver && random.chance(foundAgainShare)) onAsked(id)
      return true
    },
  })
}

const counted = [
  'looked',
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

function tellEnds(reconciler: Reconciler, witness: Witness, life: number): void {
  reconciler.on('removed', ({ id, confirmedBy }) => witness.said({ word: 'removed', confirmedBy, id, life }))
  reconciler.on('vanished', ({ id }) => witness.said({ word: 'vanished', id, life }))
}

function tellStory(reconciler: Reconciler, journal: Journal): void {
  const note = (text: string) => journal.note('flotsam', text)
  reconciler.on('removeFailed', ({ name, kind, failures, retryInMs, message }) =>
    note(`removal ${failures} of ${name} failed: ${kind}: ${message}; again in ${retryInMs} ms`),
  )
  reconciler.on('stuck', ({ name }) => note(`${name} is stuck`))
  reconciler.on('looked', ({ listed, dangling, graced, durationMs }) =>
    note(`looked for ${Math.round(durationMs)} ms: ${listed} listed, ${graced} graced, ${dangling} dangling`),
  )
  reconciler.on('stalled', ({ stalledMs }) => note(`the process stood still for ${Math.round(stalledMs)} ms`))
  reconciler.on('engineDown', ({ kind, message }) => note(`engine down: ${kind}: ${message}`))
  reconciler.on('engineUp', () => note('engine up'))
}

/** A client whose every request is seen in the very turn in which it is made, and says which life it is of. */
function watchedConnection(
  socketPath: string,
  life: number,
  onRequest: (method: string, path: string) => void,
): Docker {
  const agent = new Agent({ keepAlive: false })
  const headers = { [lifeHeader]: String(life) }
  const docker = new Docker({ protocol: 'http', socketPath, agent, headers } as Docker.DockerOptions)
  const { modem } = docker
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    onRequest(options.method ?? '', options.path.replace(/\?.*$/s, ''))
    dial(options, callback)
  }
  return docker
}

function countLine({ lines }: Tally, line: string): void {
  const { level } = JSON.parse(line) as { level: number }
  const name = level >= 50 ? 'error' : level >= 40 ? 'warn' : 'info'
  lines.set(name, (lines.get(name) ?? 0) + 1)
}
