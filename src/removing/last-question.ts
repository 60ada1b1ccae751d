import type { AttemptAnswer } from '../../machines/types.ts'
import type { Fleet } from '../containers/fleet.ts'
import { judgement, type KnownContainer } from '../containers/known-container.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { ContainerSummary } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'
import type { TrackerAnswer, Verdict } from '../domain/verdict.ts'
import { judgeAgain, type SessionState } from '../policy/judge.ts'
import type { AskSessions } from '../scanning/sessions.ts'
import { type Answer, type Tracker, wordOf } from '../scanning/tracker.ts'

export interface LastQuestionOptions {
  readonly awake: AwakeClock
  readonly fleet: Fleet
  readonly tracker: Tracker
  readonly askSessions: AskSessions
}

/** A container about to be changed, and its ended guests by the verdict that justifies that. */
export interface Candidate {
  readonly id: ContainerId
  readonly known: KnownContainer
  readonly endedGuests: readonly ContainerSummary[]
}

/** The verdict that the attempt relied on is no longer the last one. */
export const stale: AttemptAnswer = { answer: 'stale' }

/** The attempt ends with another verdict. */
export function cancelled(
  id: ContainerId,
  verdict: Verdict,
  { awake, fleet }: Pick<LastQuestionOptions, 'awake' | 'fleet'>,
): AttemptAnswer {
  const known = fleet.get(id)
  if (!known) return stale
  const { scan } = known
  return { answer: 'cancelled', judgement: judgement(known, verdict, { scan, nowMs: awake.now() }) }
}

/**
 * fresh-scan: the final check before a request. Undefined means go. Synchronous if the tracker is, and the container is not
 * another session's.
 */
export function askLast(
  candidate: Candidate,
  options: LastQuestionOptions,
): AttemptAnswer | undefined | Promise<AttemptAnswer | undefined> {
  const guests = candidate.endedGuests.map((guest) => options.tracker.ask(guest))
  const sessions = options.askSessions([candidate.known.listed, ...candidate.endedGuests])
  if (!sessions && !guests.some((answer) => answer instanceof Promise))
    return askOwnLast(candidate, { guests: guests as readonly Answer[], sessions: [] }, options)
  // All else first and the container last, so that its answer is the most recent one when the request is sent.
  return Promise.all([Promise.all(guests.map(async (answer) => answer)), sessions]).then(
    ([answers, states = []]) => askOwnLast(candidate, { guests: answers, sessions: states }, options),
  )
}

interface Known {
  readonly guests: readonly Answer[]
  /** Of the container, and of each guest; undefined for our own. */
  readonly sessions: readonly (SessionState | undefined)[]
}

function askOwnLast(
  { id, known, endedGuests }: Candidate,
  { guests, sessions: [session, ...guestSessions] }: Known,
  options: LastQuestionOptions,
): AttemptAnswer | undefined | Promise<AttemptAnswer | undefined> {
  const weigh = (answer: Answer) => {
    const own = wordOf(answer)
    // The agent may have started to track a guest since it was asked; an attempt on that guest may have recorded this.
    const ofGuests = endedGuests.map((guest, at): TrackerAnswer =>
      options.fleet.get(guest.id)?.wasTracked === true ? 'tracked' : wordOf(guests[at] as Answer),
    )
    const verdict = judgeAgain({ stage: 'last-question', guests: ofGuests, own, guestSessions, session })
    if (!verdict) return undefined
    const now = options.fleet.get(id)
    if (now) options.fleet.noteAnswer(now, own, options.awake.now())
    return cancelled(id, verdict, options)
  }
  // An inspection may have added the name in the meantime.
  const own = options.tracker.ask((options.fleet.get(id) ?? known).listed)
  return own instanceof Promise ? own.then(weigh) : weigh(own)
}
