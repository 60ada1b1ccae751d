import {
  admitted,
  answers,
  attemptAnswers,
  hookAnswers,
  type Invoked,
  judged,
  type Setting,
  throws,
  verdicts,
  type WorldEvent,
} from './container-chart.ts'

/** How a state is reached, from the beginning. */
export interface Route extends Setting {
  readonly events: readonly WorldEvent[]
}

const sent: WorldEvent = { type: 'request.sent' }
const slotTime: WorldEvent = { type: 'xstate.after.slotTime.container.removing.attempting.slot.taken' }
const retryDelay: WorldEvent = { type: 'xstate.after.retryDelay.container.removing.backingOff' }
const recheckable = judged({ verdict: 'spared', reason: 'image-unknown' }, { recheckMs: 60_000 })
const dangling = judged(verdicts.dangling)

const removing = (events: readonly WorldEvent[] = [], setting: Setting = {}): Route => ({
  ...setting,
  events: [dangling, admitted, ...events],
})
const refused = answers('removal', attemptAnswers.refused)
/** A failure, and the way to the next attempt. */
export const failOnce: readonly WorldEvent[] = [refused, retryDelay, dangling, admitted]
const withHook: Setting = { policy: { hasHook: true } }
const gracefully: Setting = { policy: { stopsGracefully: true } }
const paused: Setting = { record: { listed: { id: 'a'.repeat(64), name: 'task', state: 'paused' } } }

export const routes = {
  discovered: { events: [] },
  'graced.waiting': { events: [judged(verdicts.graced)] },
  'graced.due': {
    events: [judged(verdicts.graced), { type: 'xstate.after.graceTime.container.graced.waiting' }],
  },
  'classified.tracked': { events: [judged(verdicts.tracked)] },
  'classified.spared.settled': { events: [judged(verdicts.spared)] },
  'classified.spared.waiting': { events: [recheckable] },
  'classified.spared.due': {
    events: [recheckable, { type: 'xstate.after.recheckTime.container.classified.spared.waiting' }],
  },
  'classified.withheld': { events: [dangling], policy: { dryRun: true } },
  'classified.queued': { events: [dangling] },
  'classified.queuedAgain': removing([refused, retryDelay, dangling]),
  'askingHook+taken': removing([], withHook),
  'askingHook+overdue': removing([slotTime], withHook),
  'stopping+taken': removing([sent], gracefully),
  'stopping+overdue': removing([sent, slotTime], gracefully),
  'deleting+taken': removing([sent]),
  'deleting+overdue': removing([sent, slotTime]),
  'unpausing+taken': removing([sent, refused], paused),
  'unpausing+overdue': removing([sent, slotTime, refused], paused),
  'removing.confirming': removing([sent, answers('removal', attemptAnswers['timed out'])]),
  'removing.backingOff.quick': removing([sent, refused]),
  'removing.backingOff.stuck': removing([...failOnce, ...failOnce, ...failOnce, refused]),
  'removing.faulted': removing([sent, throws('removal')]),
  'removing.due': removing([sent, refused, retryDelay]),
  gone: { events: [judged(verdicts.tracked), { type: 'missed', isTracked: false }] },
} as const satisfies Record<string, Route>

export type StateName = keyof typeof routes
export const stateNames = Object.keys(routes) as StateName[]
export const routeTo = (state: StateName): Route => routes[state]

const attempts = (from: Invoked, name: string) =>
  Object.fromEntries(
    Object.entries(attemptAnswers).map(([answer, output]) => [`${name}: ${answer}`, answers(from, output)]),
  )

/** Everything that the world can send to a container's chart, by a name for it. */
export const events: Readonly<Record<string, WorldEvent>> = {
  'judged graced': judged({ ...verdicts.graced, endsAtMs: 90_000 }, { scan: 2 }),
  'judged tracked': judged(verdicts.tracked, { scan: 2 }),
  'judged spared': judged(verdicts.spared, { scan: 2 }),
  'judged unknown': judged({ verdict: 'spared', reason: 'image-unknown' }, { scan: 2, recheckMs: 60_000 }),
  'judged dangling': judged(verdicts.dangling, { scan: 2 }),
  'missed, tracked': { type: 'missed', isTracked: true },
  'missed, untracked': { type: 'missed', isTracked: false },
  disowned: { type: 'disowned' },
  admitted,
  'request sent': sent,
  'grace time': { type: 'xstate.after.graceTime.container.graced.waiting' },
  'recheck time': { type: 'xstate.after.recheckTime.container.classified.spared.waiting' },
  'slot time': slotTime,
  'retry delay': retryDelay,
  'fault pause': { type: 'xstate.after.faultPause.container.removing.faulted' },
  'hook: approved': answers('hook', hookAnswers.approved),
  'hook: refused': answers('hook', hookAnswers.refused),
  'hook throws': throws('hook'),
  ...attempts('stop', 'stop'),
  'stop throws': throws('stop'),
  ...attempts('removal', 'removal'),
  'removal throws': throws('removal'),
  ...attempts('unpause', 'unpause'),
  'unpause throws': throws('unpause'),
}

/** What only writes the record, wherever the container stands. */
export const recordEvents: Readonly<Record<string, WorldEvent>> = {
  listed: {
    type: 'listed',
    met: {
      listed: { id: 'a'.repeat(64), name: 'task', state: 'exited' },
      atMs: 500,
      wasUnpaused: false,
      restedUntil: undefined,
    },
  },
  'answered tracked': { type: 'answered', answer: 'tracked', atMs: 500, hasEnded: false },
  'answered tracked, and it has ended': { type: 'answered', answer: 'tracked', atMs: 500, hasEnded: true },
  'answered untracked, and it has ended': {
    type: 'answered',
    answer: 'untracked',
    atMs: 500,
    hasEnded: true,
  },
  'not answered, and it has ended': { type: 'answered', answer: 'tracker-failed', atMs: 500, hasEnded: true },
  inspected: {
    type: 'inspected',
    inspected: {
      at: { atMs: 500, missedMs: 0 },
      start: undefined,
      objection: 'inspection-failed',
      isStopOver: false,
    },
  },
  'graces restarted': { type: 'graces.restarted', atMs: -1 },
}
