import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

import { containerMachine, type VerdictLike } from '../../machines/index.ts'
import { arrowsOf, leavesOf, passingLeavesOf, Recorder } from './support/chart.ts'
import {
  answered,
  chartFor,
  pureChart,
  runningChart,
  stateOf,
  tryAnswers,
  verdicts,
  type Wishes,
  type WorldEvent,
} from './support/container-chart.ts'

/** How a state is reached, from the beginning. */
interface Route {
  readonly wishes: Wishes
  readonly verdict: VerdictLike
  readonly events: readonly WorldEvent[]
}

const admitted: WorldEvent = { type: 'admitted' }
const engineLost: WorldEvent = { type: 'engineLost' }
const removing = (wishes: Wishes, ...events: readonly WorldEvent[]): Route => ({
  wishes,
  verdict: verdicts.dangling,
  events: [admitted, ...events],
})

const routes = {
  graced: { wishes: {}, verdict: verdicts.graced, events: [] },
  'classified.tracked': { wishes: {}, verdict: verdicts.tracked, events: [] },
  'classified.spared': { wishes: {}, verdict: verdicts.spared, events: [] },
  'classified.withheld': { wishes: { dryRun: true }, verdict: verdicts.dangling, events: [] },
  'classified.queued': { wishes: {}, verdict: verdicts.dangling, events: [] },
  'removing.consulting': removing({ hasHook: true }),
  'removing.ending': removing({ endsGracefully: true }),
  'removing.deleting': removing({}),
  'removing.confirming': removing({}, answered('removal', tryAnswers['unsettled ours'])),
  'removing.backingOff': removing({}, answered('removal', tryAnswers.failed)),
  'removing.waitingForEngine': removing({}, answered('removal', tryAnswers.failed), engineLost),
  gone: { wishes: {}, verdict: verdicts.tracked, events: [{ type: 'missed' }] },
} as const satisfies Record<string, Route>

type StateName = keyof typeof routes
const routeTo = (state: StateName): Route => routes[state]

const events = {
  'judged graced': { type: 'judged', verdict: verdicts.graced },
  'judged tracked': { type: 'judged', verdict: verdicts.tracked },
  'judged spared': { type: 'judged', verdict: verdicts.spared },
  'judged dangling': { type: 'judged', verdict: verdicts.dangling },
  missed: { type: 'missed' },
  disowned: { type: 'disowned' },
  admitted,
  engineLost,
  engineBack: { type: 'engineBack' },
} as const satisfies Record<string, WorldEvent>

const answers = {
  ...objectOf(
    Object.keys(tryAnswers),
    (name) => answered('end', tryAnswers[name as keyof typeof tryAnswers]),
    'end: ',
  ),
  ...objectOf(
    Object.keys(tryAnswers),
    (name) => answered('removal', tryAnswers[name as keyof typeof tryAnswers]),
    'removal: ',
  ),
  'hook: approved': answered('hook', { answer: 'approved' }),
  'hook: refused': answered('hook', {
    answer: 'refused',
    verdict: { verdict: 'spared', reason: 'hook-refused' },
  }),
}

function objectOf(names: readonly string[], make: (name: string) => WorldEvent, prefix: string) {
  return Object.fromEntries(names.map((name) => [prefix + name, make(name)]))
}

/** The state that follows, and what the fleet is told; `remembers` is the same state with a new verdict in mind. */
type Cell = string
const left = 'placeGivenBack removalEnded'
const judgedAnew: Record<string, Cell> = {
  'judged graced': 'graced',
  'judged tracked': 'classified.tracked',
  'judged spared': 'classified.spared',
  'judged dangling': 'classified.queued',
}
const leftBy = (row: Record<string, Cell>): Record<string, Cell> =>
  Object.fromEntries(Object.entries(row).map(([event, next]) => [event, `${next}: ${left}`]))
const ends: Record<string, Cell> = { missed: 'gone: gone', disowned: 'gone: gone' }
const endsRemoving: Record<string, Cell> = { missed: `gone: ${left} gone`, disowned: `gone: ${left} gone` }
const remembers: Record<string, Cell> = Object.fromEntries(
  Object.keys(judgedAnew).map((event) => [event, 'remembers']),
)
const failed = 'removing.backingOff: placeGivenBack retryWanted'
const unsure = 'removing.confirming: placeGivenBack lookWanted'

/** What every state does on every event. An event that a state does not name must do nothing at all there. */
const table: Record<StateName, Record<string, Cell>> = {
  graced: { ...judgedAnew, 'judged graced': 'remembers', ...ends },
  'classified.tracked': { ...judgedAnew, ...ends },
  'classified.spared': { ...judgedAnew, ...ends },
  'classified.withheld': { ...judgedAnew, 'judged dangling': 'classified.withheld', ...ends },
  'classified.queued': { ...judgedAnew, ...ends, admitted: 'removing.deleting: removalBegan' },
  'removing.consulting': {
    ...remembers,
    ...endsRemoving,
    'hook: approved': 'removing.deleting',
    'hook: refused': `classified.spared: ${left} refused`,
  },
  'removing.ending': {
    ...remembers,
    'end: done': 'removing.deleting: endedByUs',
    'end: let-live tracked': `classified.tracked: ${left}`,
    'end: let-live graced': `graced: ${left}`,
    'end: let-live spared': `classified.spared: ${left}`,
    'end: stale': `classified.queued: ${left} lookWanted`,
    // the tries never say these of a stop; if they did, the removal would be tried again later
    'end: unsettled ours': failed,
    'end: unsettled theirs': failed,
    'end: unsettled outage': failed,
    'end: failed': failed,
  },
  'removing.deleting': {
    ...remembers,
    'removal: done': `gone: ${left} gone`,
    'removal: let-live tracked': `classified.tracked: ${left}`,
    'removal: let-live graced': `graced: ${left}`,
    'removal: let-live spared': `classified.spared: ${left}`,
    'removal: stale': `classified.queued: ${left} lookWanted`,
    'removal: unsettled ours': unsure,
    'removal: unsettled theirs': unsure,
    'removal: unsettled outage': unsure,
    'removal: failed': failed,
  },
  'removing.confirming': {
    ...leftBy(judgedAnew),
    'judged dangling': failed,
    ...endsRemoving,
    engineLost: 'removing.waitingForEngine',
  },
  'removing.backingOff': { ...leftBy(judgedAnew), ...endsRemoving, engineLost: 'removing.waitingForEngine' },
  'removing.waitingForEngine': { ...leftBy(judgedAnew), ...endsRemoving, engineBack: unsure },
  gone: {},
}

const recorder = new Recorder(containerMachine)
const every = Object.entries({ ...events, ...answers }) as [string, WorldEvent][]
const cells = (Object.keys(routes) as StateName[]).flatMap((state) => {
  return every.map(([event, sent]) => ({ state, event, sent, cell: table[state][event] ?? 'ignored' }))
})

function expected(state: StateName, cell: Cell): { next: string; told: string[] } {
  if (cell === 'ignored' || cell === 'remembers') return { next: state, told: [] }
  const [next = '', told = ''] = cell.split(': ')
  return { next, told: told.split(' ').filter(Boolean) }
}

describe('each event in each state', () => {
  test('the table names every state that a container can be found in', () => {
    const passing = passingLeavesOf(containerMachine)
    expect(Object.keys(routes)).toEqual(leavesOf(containerMachine).filter((leaf) => !passing.includes(leaf)))
    expect(passing).toEqual(['discovered', 'classified.sorting', 'removing.starting'])
  })

  test('the table names every event that the chart hears', () => {
    const heard = new Set(arrowsOf(containerMachine).map(({ event }) => event))
    heard.delete('')
    expect(new Set(every.map(([, { type }]) => type))).toEqual(heard)
    const known = new Set(every.map(([event]) => event))
    expect(
      Object.values(table).flatMap((row) => Object.keys(row).filter((event) => !known.has(event))),
    ).toEqual([])
  })

  test.each(cells)('$state × $event: $cell', ({ state, sent, cell }) => {
    const { wishes, verdict, events } = routeTo(state)
    const chart = pureChart(wishes, verdict)
    const before = events.reduce((snapshot, event) => chart.step(snapshot, event).after, chart.initial())
    expect(stateOf(before)).toBe(state)

    const { after, told, doesNothing, stopped } = chart.step(before, sent)
    const { next, told: toTell } = expected(state, cell)
    expect(stateOf(after)).toBe(next)
    expect(told).toEqual(toTell)
    expect(doesNothing).toBe(cell === 'ignored')
    if (cell === 'remembers') {
      expect(after.context).toEqual({
        ...before.context,
        verdict: 'verdict' in sent ? sent.verdict : undefined,
      })
      expect(stopped).toBe(0)
    }

    const running = runningChart(wishes, verdict, { inspect: recorder.inspect })
    for (const event of events) running.send(event)
    const toldBefore = running.told.length
    running.send(sent)
    expect(stateOf(running.actor.getSnapshot())).toBe(next)
    expect(running.told.slice(toldBefore).map(({ type }) => type)).toEqual(toTell)
  })

  test('a removal asks the hook first, then ends the container, then removes it', () => {
    const { actor, send, told } = runningChart(
      { hasHook: true, endsGracefully: true },
      verdicts.dangling,
      recorder,
    )
    send(admitted)
    expect(stateOf(actor.getSnapshot())).toBe('removing.consulting')
    send(answered('hook', { answer: 'approved' }))
    expect(stateOf(actor.getSnapshot())).toBe('removing.ending')
    send(answered('end', tryAnswers.done))
    expect(stateOf(actor.getSnapshot())).toBe('removing.deleting')
    expect(told.map(({ type }) => type)).toEqual(['removalBegan', 'endedByUs'])
  })

  test.each([
    ['the grace after an outage: it is judged anew and counts as no failure', 'judged graced', 'graced', 0],
    [
      'no outage, since it is still dangling: it counts as a failure',
      'judged dangling',
      'removing.backingOff',
      1,
    ],
  ] as const)('a removal that was cut off meets %s', (_, judged, state, failures) => {
    const { actor, send } = runningChart({}, verdicts.dangling, recorder)
    for (const event of [admitted, answered('removal', tryAnswers['unsettled outage']), events[judged]])
      send(event)
    expect(stateOf(actor.getSnapshot())).toBe(state)
    expect(actor.getSnapshot().context.failures).toBe(failures)
  })

  test('the table takes every arrow of the chart and enters every state', () => {
    expect(recorder.missedArrows).toEqual([])
    expect(recorder.missedLeaves).toEqual([])
  })
})

describe('truthful: how the story ended', () => {
  const unsettledTheirs = answered('removal', tryAnswers['unsettled theirs'])
  const unsettledOurs = answered('removal', tryAnswers['unsettled ours'])
  const { missed, disowned, 'judged dangling': dangling, 'judged tracked': tracked } = events
  const gone = { outcome: 'vanished', failures: 0, isByAnswer: false }

  test.each<[string, readonly WorldEvent[], Partial<typeof gone>]>([
    [
      'removed, when the engine answered so',
      [admitted, answered('removal', tryAnswers.done)],
      { outcome: 'removed', isByAnswer: true },
    ],
    [
      'removed, when our DELETE got no clear answer and a look omits it',
      [admitted, unsettledOurs, missed],
      { outcome: 'removed' },
    ],
    [
      'vanished, when the engine never knew our DELETE',
      [admitted, unsettledTheirs, missed],
      { outcome: 'vanished' },
    ],
    [
      'removed, when a DELETE got no clear answer and the next one found the removal under way',
      [admitted, unsettledOurs, dangling, dangling, admitted, unsettledTheirs, missed],
      { outcome: 'removed', failures: 1 },
    ],
    ['vanished, when nothing was sent', [missed], { outcome: 'vanished' }],
    ['released, when it is no longer ours', [disowned], { outcome: 'released' }],
    [
      'vanished, when the agent adopted it after our DELETE and somebody removed it later',
      [admitted, unsettledOurs, tracked, missed],
      { outcome: 'vanished' },
    ],
  ])('%s', (_, sent, ending) => {
    const { told, send, actor } = runningChart({}, verdicts.dangling)
    for (const event of sent) send(event)
    expect(told.at(-1)).toEqual({ type: 'gone', id: actor.id, ...gone, ...ending })
    expect(told.filter(({ type }) => type === 'gone')).toHaveLength(1)
  })
})

describe('what a removal remembers', () => {
  const {
    'judged dangling': dangling,
    'judged graced': graced,
    'judged tracked': tracked,
    'judged spared': spared,
  } = events
  const failing = answered('removal', tryAnswers.failed)
  const approved = answered('hook', { answer: 'approved' })

  test('each failure is counted, and the retry names it', () => {
    const { told, send, actor } = runningChart({}, verdicts.dangling)
    for (const event of [admitted, failing, dangling, admitted, failing]) send(event)
    const retries = told.filter(({ type }) => type === 'retryWanted')
    expect(retries).toEqual(
      [1, 2].map((failures) => ({
        type: 'retryWanted',
        id: actor.id,
        failures,
        failure: tryAnswers.failed.failure,
      })),
    )
  })

  test('a container that the agent adopted starts afresh', () => {
    const { send, actor } = runningChart({}, verdicts.dangling)
    for (const event of [admitted, failing, tracked]) send(event)
    expect(actor.getSnapshot().context).toMatchObject({
      failures: 0,
      failure: undefined,
      isApproved: false,
      isSent: false,
    })
  })

  test('the hook is asked once for a removal and its retries', () => {
    const { send, actor } = runningChart({ hasHook: true }, verdicts.dangling)
    for (const event of [admitted, approved, failing, dangling, admitted]) send(event)
    expect(stateOf(actor.getSnapshot())).toBe('removing.deleting')
  })

  test.each([
    ['graced', graced],
    ['tracked', tracked],
    ['spared', spared],
  ])(
    'the hook is asked again after the container was %s, also when that was seen during a removal',
    (_, between) => {
      for (const sent of [
        [admitted, approved, failing, between, dangling],
        [admitted, approved, answered('removal', tryAnswers.stale), between, dangling],
        [admitted, approved, between, answered('removal', tryAnswers.stale), dangling],
      ]) {
        const { send, actor } = runningChart({ hasHook: true }, verdicts.dangling)
        for (const event of [...sent, admitted]) send(event)
        expect(stateOf(actor.getSnapshot())).toBe('removing.consulting')
      }
    },
  )

  test.each([
    ['graced', graced, 'graced'],
    ['tracked', tracked, 'classified.tracked'],
    ['spared', spared, 'classified.spared'],
  ])(
    'a verdict that a look told while a request was out (%s) is where an expired one leads',
    (_, seen, next) => {
      const { send, actor } = runningChart({ hasHook: true }, verdicts.dangling)
      for (const event of [admitted, seen, approved, answered('removal', tryAnswers.stale)]) send(event)
      expect(stateOf(actor.getSnapshot())).toBe(next)
    },
  )
})

describe('a fault of a try', () => {
  test.each<['askHook' | 'endGracefully' | 'remove', Wishes]>([
    ['askHook', { hasHook: true }],
    ['endGracefully', { endsGracefully: true }],
    ['remove', {}],
  ])('%s that rejects ends the actor and is told to the fleet, once', async (broken, wishes) => {
    const fault = new Error('a fault of ours')
    const never = () => new Promise<never>(() => {})
    const tries = {
      askHook: never,
      endGracefully: never,
      remove: never,
      [broken]: () => Promise.reject(fault),
    }
    const { actor, told, send } = runningChart(wishes, verdicts.dangling, { tries })
    send(admitted)
    await nextTurn()
    expect(actor.getSnapshot().status).toBe('error')
    expect(told.map(({ type }) => type)).toEqual(['removalBegan', `xstate.error.actor.${actor.id}`])
    expect(told.at(-1)).toMatchObject({ error: fault })
  })

  test('dry-run: a chart without hands never gets as far as a removal', () => {
    const { actor, send, told } = runningChart({ dryRun: true, hasHook: true }, verdicts.dangling)
    for (const event of [admitted, events['judged dangling'], admitted]) send(event)
    expect(stateOf(actor.getSnapshot())).toBe('classified.withheld')
    expect(told).toEqual([])
    expect(chartFor({ dryRun: true }).id).toBe('container')
  })
})
