import type { Failure } from '../../machines/failure-streaks.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { isSessionId } from '../domain/session.ts'
import type { SessionState } from '../policy/judge.ts'
import type { Ownership } from '../policy/ownership.ts'
import type { LeaseReading, LeaseReadings, Leases } from './leases.ts'

export interface SessionsOptions {
  readonly sessionGraceMs: number
  /** The session of this process; undefined for one that holds no containers of its own. */
  readonly ownId: string | undefined
}

/** How many other sessions there are, by the last scan. Only those with containers count. */
export interface SessionCounts {
  readonly alive: number
  readonly ended: number
  readonly unknown: number
}

/** From this many on, the end of all sessions within a session grace is suspicious; a single one may well be the last. */
const suspiciouslyMany = 2
/** How much longer each one waits than the one before it, so that the first has removed everything by then. */
const turnStepMs = 10_000
export const longestTurnMs = 60_000

/** live-session: keeps what was read of other sessions' leases between scans. All times are on the awake clock. */
export class Sessions {
  readonly #options: SessionsOptions
  /** Since when each lease has been gone at every reading. */
  readonly #goneSinceMs = new Map<string, number>()
  /** The sessions whose lease was held at their last clear reading. */
  readonly #alive = new Set<string>()
  /** The sessions whose lease is gone, and was held at the clear reading before. */
  readonly #ended = new Set<string>()
  /** Sessions that ended together with all others, which the store may have forgotten. */
  readonly #doubted = new Set<string>()
  #asked: readonly string[] = []
  #turnMs = 0
  #counts: SessionCounts = { alive: 0, ended: 0, unknown: 0 }

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Records the readings of one scan. */
  note({ asked, of, living }: LeaseReadings, atMs: number): void {
    const isDoubting = this.doubtAt(atMs) !== undefined
    this.#forgetAllBut(new Set(asked))
    const counts = { alive: 0, ended: 0, unknown: 0 }
    for (const id of asked) {
      const reading = of.get(id)
      counts[stateOf(reading)]++
      // Without a question nothing is known that was not known before.
      if (reading !== undefined) this.noteReading(id, reading, atMs)
    }
    const ended = [...this.#ended].filter((id) => this.#endedWithin(id, atMs))
    const isSuspicious = counts.alive === 0 && (isDoubting || ended.length >= suspiciouslyMany)
    if (isSuspicious) for (const id of ended) this.#doubted.add(id)
    this.#asked = asked
    this.#counts = counts
    this.#turnMs = Math.min(longestTurnMs, rankAmong(living, this.#options.ownId) * turnStepMs)
  }

  /** Records one reading. Only `gone` continues a session grace; an unknown lease may have been held meanwhile. */
  noteReading(id: string, reading: LeaseReading, atMs: number): void {
    if (reading === 'gone') {
      if (!this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, atMs)
      if (this.#alive.delete(id)) this.#ended.add(id)
      return
    }
    this.#goneSinceMs.delete(id)
    if (reading === 'unknown') return
    this.#alive.add(id)
    this.#ended.delete(id)
    if (this.#doubted.delete(id)) this.#beginAgain(atMs)
  }

  /** When the session grace ends; undefined if the lease was not gone at the last reading. */
  graceEndsMs(id: string): number | undefined {
    const goneSinceMs = this.#goneSinceMs.get(id)
    return goneSinceMs === undefined ? undefined : goneSinceMs + this.#graceMsOf(id) + this.#turnMs
  }

  get counts(): SessionCounts {
    return this.#counts
  }

  /** Set while all sessions seem to have ended at once, and the store may have forgotten them. */
  doubtAt(atMs: number): Failure | undefined {
    let endsMs = -Infinity
    for (const id of this.#doubted)
      endsMs = Math.max(endsMs, (this.#goneSinceMs.get(id) ?? atMs) + this.#graceMsOf(id))
    if (endsMs <= atMs) return undefined
    const leftS = Math.ceil((endsMs - atMs) / 1000)
    const message = `every other session that was alive seems to have ended at once; nothing of them is removed for another ${leftS}s`
    return { about: 'sessions', kind: 'sessions-ended', message }
  }

  /** The sessions that may still end, by the last scan. */
  get unended(): readonly string[] {
    return this.#asked.filter((id) => !this.#goneSinceMs.has(id))
  }

  #endedWithin(id: string, atMs: number): boolean {
    const goneSinceMs = this.#goneSinceMs.get(id)
    return goneSinceMs !== undefined && goneSinceMs + this.#options.sessionGraceMs > atMs
  }

  #graceMsOf(id: string): number {
    return this.#options.sessionGraceMs * (this.#doubted.has(id) ? 2 : 1)
  }

  /** One of the doubted sessions is alive: the store had forgotten it, and may remember the others later. */
  #beginAgain(atMs: number): void {
    for (const id of this.#doubted) if (this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, atMs)
    this.#doubted.clear()
  }

  /** flat: what has no containers any more has no history. */
  #forgetAllBut(present: ReadonlySet<string>): void {
    for (const known of [this.#goneSinceMs, this.#alive, this.#ended, this.#doubted])
      for (const id of known.keys()) if (!present.has(id)) known.delete(id)
  }
}

/** The place of this process among those that may remove. One without a session is the last. */
function rankAmong(living: ReadonlySet<string>, ownId: string | undefined): number {
  return [...living].filter((id) => ownId === undefined || id < ownId).length
}

export function stateOf(reading: LeaseReading | undefined): SessionState {
  return reading === 'held' ? 'alive' : reading === 'gone' ? 'ended' : 'unknown'
}

/** The sessions of these containers that a store can be asked about, each once. */
export function sessionsOf(
  containers: readonly ContainerSummary[],
  { sessionOf }: Pick<Ownership, 'sessionOf'>,
): readonly string[] {
  const found = new Set<string>()
  for (const container of containers) {
    const id = sessionOf?.(container)
    if (id !== undefined && isSessionId(id)) found.add(id)
  }
  return [...found]
}

/** Asks about the sessions of containers right before a request; undefined if none is another session's. */
export type AskSessions = (
  containers: readonly ContainerSummary[],
) => Promise<readonly (SessionState | undefined)[]> | undefined

export interface AskSessionsOptions {
  readonly leases: Leases
  readonly sessions: Sessions
  readonly ownership: Ownership
  readonly awake: AwakeClock
}

/** live-session: the last question to the lease store. */
export function askSessionsBy({ awake, leases, ownership, sessions }: AskSessionsOptions): AskSessions {
  const ask = async (id: string): Promise<SessionState> => {
    const { reading } = await leases.ask(id)
    sessions.noteReading(id, reading, awake.now())
    return stateOf(reading)
  }
  return (containers) => {
    const ids = containers.map((container) => ownership.sessionOf?.(container))
    if (ids.every((id) => id === undefined)) return undefined
    const asked = new Map(sessionsOf(containers, ownership).map((id) => [id, ask(id)]))
    return Promise.all(ids.map(async (id) => (id === undefined ? undefined : (asked.get(id) ?? 'unknown'))))
  }
}
