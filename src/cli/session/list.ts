import { messageOf } from '../../domain/errors.ts'
import { isSessionId, type LeaseStore } from '../../domain/session.ts'
import { printable } from '../../domain/show.ts'
import type { Tracked } from '../../index.ts'
import { diagnosticLog } from '../diagnostics.ts'
import { type Flags, optionsFrom } from '../flags.ts'
import { within } from '../process/deadline.ts'
import { withSpinner } from '../spinner.ts'
import { renderTable } from '../table.ts'
import { jsonLine, wantsColor } from '../text.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from '../world.ts'
import { openStoreOrDefault } from './store.ts'

const longestAnswerMs = 10_000
/** Questions to the store at once. */
const mostAtOnce = 16

interface ListedSession {
  readonly id: string
  readonly state: 'alive' | 'ended' | 'unknown'
  readonly containers: readonly { readonly id: string; readonly name: string }[]
}

/** The sessions of the store and of the engine's containers. Cannot remove. */
export async function sessions(flags: Flags, world: CliWorld): Promise<ExitCode> {
  const { stdout, stderr, env, clock } = world
  const store = await openStoreOrDefault(flags.sessions, clock)
  try {
    const containers = await containersBySession(flags, world)
    const states = new States(store.leases, world)
    const held = await states.held()
    const ids = [...new Set([...held, ...containers.keys()])].toSorted()
    const found: ListedSession[] = []
    for (let at = 0; at < ids.length; at += mostAtOnce) {
      const some = ids.slice(at, at + mostAtOnce).map(async (id) => ({
        id,
        state: held.has(id) ? ('alive' as const) : await states.of(id),
        containers: containers.get(id) ?? [],
      }))
      found.push(...(await Promise.all(some)))
    }
    stdout.write(flags.json ? jsonLine({ sessions: found }) : renderSessions(found, wantsColor(stdout, env)))
    if (states.failure === undefined) return exitDone
    stderr.write(`error: whether a session is alive is unknown: ${printable(states.failure)}\n`)
    return exitFailed
  } finally {
    store.close()
  }
}

type Containers = ListedSession['containers']

async function containersBySession(flags: Flags, world: CliWorld): Promise<Map<string, Containers>> {
  const { label = '' } = flags.owner ?? {}
  const sessionOf = new Map<string, string>()
  // The tracker is asked for each owned container, and sees its labels.
  const tracked: Tracked = {
    has: (id, { labels }) => {
      sessionOf.set(id, labels[label] ?? '')
      return false
    },
  }
  const reconciler = world.createReconciler({
    ...optionsFrom(flags, tracked),
    ...diagnosticLog(flags, world),
    owner: { label, anyValue: true },
    dryRun: true,
  })
  const report = await withSpinner('scanning', world, reconciler.scan())
  const containers = new Map<string, Containers>()
  for (const { id, name } of report.containers) {
    const session = sessionOf.get(id) ?? ''
    if (isSessionId(session)) containers.set(session, [...(containers.get(session) ?? []), { id, name }])
  }
  return containers
}

/** Asks the store, with a deadline. */
class States {
  readonly #leases: LeaseStore
  readonly #world: CliWorld
  /** Why the store could not answer. */
  failure: string | undefined

  constructor(leases: LeaseStore, world: CliWorld) {
    this.#leases = leases
    this.#world = world
  }

  async held(): Promise<ReadonlySet<string>> {
    return new Set(await this.#ask((leases) => leases.list?.(), []))
  }

  async of(id: string): Promise<ListedSession['state']> {
    const isHeld = await this.#ask((leases) => leases.isHeld(id), undefined)
    return isHeld === undefined ? 'unknown' : isHeld ? 'alive' : 'ended'
  }

  async #ask<T, TOtherwise>(
    question: (leases: LeaseStore) => Promise<T> | undefined,
    otherwise: TOtherwise,
  ): Promise<T | TOtherwise> {
    try {
      const answer = question(this.#leases)
      return answer ? await within(answer, longestAnswerMs, refuseLate, this.#world.clock) : otherwise
    } catch (error) {
      this.failure ??= messageOf(error)
      return otherwise
    }
  }
}

function refuseLate(): never {
  throw new Error('the store of sessions does not answer')
}

function renderSessions(found: readonly ListedSession[], hasColor: boolean): string {
  const counts = { alive: 0, ended: 0, unknown: 0 }
  for (const { state } of found) counts[state] += 1
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  const totals = `${found.length} ${found.length === 1 ? 'session' : 'sessions'}: ${parts.join(', ')}\n`
  if (found.length === 0) return totals
  const rows = found.map(({ id, state, containers }) => ({
    cells: {
      session: id,
      state,
      containers: String(containers.length),
      names: containers.map(({ name }) => printable(name || '?')).join(', '),
    },
  }))
  return `${renderTable(['session', 'state', 'containers', 'names'], rows, hasColor)}\n${totals}`
}
