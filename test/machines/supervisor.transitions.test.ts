import { describe, expect, test } from 'vitest'

import { supervisorMachine, type SupervisorEvent } from '../../machines/index.ts'
import { EngineError } from '../../src/errors.ts'
import { arrowsOf, leavesOf, passingLeavesOf, Recorder } from './support/chart.ts'
import {
  deafMs,
  outcome,
  pureSupervisor,
  runningSupervisor,
  settleMs,
  standing,
  waitMs,
} from './support/supervisor-chart.ts'

const failure = { kind: 'unavailable', message: 'nobody answers' }
const event = (type: string, more: object = {}) => ({ type, ...more }) as unknown as SupervisorEvent

const events = {
  lookAsked: event('lookAsked'),
  dueChanged: event('dueChanged'),
  engineAnswered: event('engineAnswered'),
  engineFailed: event('engineFailed', { failure }),
  placeFreed: event('placeFreed'),
  troubleMet: event('troubleMet', { about: 'hook', kind: 'hook-failed', message: 'boom' }),
  troubleOver: event('troubleOver', { about: 'hook' }),
  stop: event('stop'),
  'the wait ends': event('xstate.after.untilNextLook.supervisor.running.looking.idle'),
  'the look ends': event('xstate.done.actor.look', { output: outcome }),
  'the look fails': event('xstate.error.actor.look', {
    error: new EngineError('unavailable', 'nobody answers'),
  }),
  'the look breaks': event('xstate.error.actor.look', { error: new TypeError('a fault of ours') }),
  'the events end': event('xstate.done.actor.listen'),
  'the events break': event('xstate.error.actor.listen', {
    error: new EngineError('misconfigured', 'denied'),
  }),
  'the deaf pause ends': event('xstate.after.untilListeningAgain.supervisor.running.health.up.deaf'),
  'the settle time ends': event('xstate.after.settleTime.supervisor.stopping.settling'),
  'the fleet is disbanded': event('xstate.done.actor.disband'),
  'the fleet cannot be disbanded': event('xstate.error.actor.disband', { error: new Error('boom') }),
} as const

type EventName = keyof typeof events
/** What the state becomes, what is carried out, and what of the context changes. */
interface Cell {
  readonly next?: string
  readonly does?: readonly string[]
  readonly changes?: readonly string[]
}
type Row = Partial<Record<EventName, Cell>>

const routes = {
  'looking+unknown': [],
  'looking+unhearing': [events.engineAnswered],
  'looking+listening': [events.engineAnswered],
  'looking+deaf': [events.engineAnswered, events['the events end']],
  'looking+down': [events.engineFailed],
  'idle+unknown': [events['the look breaks']],
  'idle+unhearing': [events.engineAnswered, events['the look ends']],
  'idle+listening': [events.engineAnswered, events['the look ends']],
  'idle+deaf': [events.engineAnswered, events['the look ends'], events['the events end']],
  'idle+down': [events.engineFailed, events['the look fails']],
  disabled: [],
  settling: [events.stop],
  disbanding: [events.stop, events['the settle time ends']],
} as const satisfies Record<string, readonly SupervisorEvent[]>

type Standing = keyof typeof routes

const stopping = ['quietFleet', 'set timer']
const trouble: Row = { troubleMet: { does: ['tell'], changes: ['streaks'] } }
const running: Row = { ...trouble, placeFreed: { does: ['admitRemovals'] } }
const lost = ['streaks', 'failedLooks', 'engineFailure']

const looking = (health: string): Row => ({
  'the look ends': {
    next: `idle+${health}`,
    does: ['end child', 'admitRemovals', 'set timer'],
    changes: ['lastLook'],
  },
  'the look fails': { next: `idle+${health}`, does: ['end child', 'set timer'] },
  'the look breaks': {
    next: `idle+${health}`,
    does: ['end child', 'tell', 'set timer'],
    changes: ['streaks'],
  },
})
const idle = (health: string): Row => ({
  lookAsked: { does: ['drop timer', 'set timer'] },
  dueChanged: { does: ['drop timer', 'set timer'] },
  'the wait ends': { next: `looking+${health}`, does: ['drop timer', 'begin look'] },
})
const unknown = (look: string): Row => ({
  engineAnswered: { next: `${look}+listening`, does: ['begin listen'] },
  engineFailed: { next: `${look}+down`, does: ['tell', 'holdFleet'], changes: lost },
})
const up = (look: string, ends: readonly string[] = []): Row => ({
  engineFailed: { next: `${look}+down`, does: [...ends, 'tell', 'holdFleet'], changes: lost },
})
const listening = (look: string): Row => ({
  ...up(look, ['end child']),
  'the events end': { next: `${look}+deaf`, does: ['end child', 'set timer'] },
  'the events break': {
    next: `${look}+deaf`,
    does: ['end child', 'set timer'],
    changes: ['deafness'],
  },
})
const deaf = (look: string): Row => ({
  ...up(look, ['drop timer']),
  'the deaf pause ends': { next: `${look}+listening`, does: ['drop timer', 'begin listen'] },
})
const down = (look: string): Row => ({
  engineAnswered: {
    next: `${look}+listening`,
    does: ['releaseFleet', 'tell', 'begin listen'],
    changes: lost,
  },
  engineFailed: { changes: ['streaks', 'failedLooks'] },
})

/** Everything that happens in each state; an event that a row does not name must do nothing at all there. */
const table: Record<Standing, Row> = {
  'looking+unknown': {
    ...running,
    ...looking('unknown'),
    ...unknown('looking'),
    stop: { next: 'settling', does: ['end child', ...stopping] },
  },
  'looking+unhearing': {
    ...running,
    ...looking('unhearing'),
    ...up('looking'),
    stop: { next: 'settling', does: ['end child', ...stopping] },
  },
  'looking+listening': {
    ...running,
    ...looking('listening'),
    ...listening('looking'),
    stop: { next: 'settling', does: ['end child', 'end child', ...stopping] },
  },
  'looking+deaf': {
    ...running,
    ...looking('deaf'),
    ...deaf('looking'),
    stop: { next: 'settling', does: ['drop timer', 'end child', ...stopping] },
  },
  'looking+down': {
    ...running,
    ...looking('down'),
    ...down('looking'),
    stop: { next: 'settling', does: ['releaseFleet', 'end child', ...stopping] },
  },
  'idle+unknown': {
    ...running,
    ...idle('unknown'),
    ...unknown('idle'),
    stop: { next: 'settling', does: ['drop timer', ...stopping] },
  },
  'idle+unhearing': {
    ...running,
    ...idle('unhearing'),
    ...up('idle'),
    stop: { next: 'settling', does: ['drop timer', ...stopping] },
  },
  'idle+listening': {
    ...running,
    ...idle('listening'),
    ...listening('idle'),
    stop: { next: 'settling', does: ['end child', 'drop timer', ...stopping] },
  },
  'idle+deaf': {
    ...running,
    ...idle('deaf'),
    ...deaf('idle'),
    stop: { next: 'settling', does: ['drop timer', 'drop timer', ...stopping] },
  },
  'idle+down': {
    ...running,
    ...idle('down'),
    ...down('idle'),
    stop: { next: 'settling', does: ['releaseFleet', 'drop timer', ...stopping] },
  },
  disabled: { ...trouble, stop: { next: 'stopped', does: ['tellStopped', 'end child'] } },
  settling: {
    ...trouble,
    'the settle time ends': { next: 'disbanding', does: ['drop timer', 'begin disband'] },
  },
  disbanding: {
    ...trouble,
    'the fleet is disbanded': { next: 'stopped', does: ['end child', 'tellStopped', 'end child'] },
    'the fleet cannot be disbanded': { next: 'stopped', does: ['end child', 'tellStopped', 'end child'] },
  },
}

/** An actor's error can only come while that actor runs; elsewhere XState takes it for a fault of the machine itself. */
const canCome = (state: Standing, name: EventName) =>
  !events[name].type.startsWith('xstate.error.') || table[state][name] !== undefined

const cells = (Object.keys(routes) as Standing[]).flatMap((state) => {
  const coming = (Object.keys(events) as EventName[]).filter((name) => canCome(state, name))
  return coming.map((name) => ({ state, name, cell: table[state][name] }))
})

describe('each event in each state', () => {
  test('the table names every state that the supervisor can be found in, but the end', () => {
    const passing = new Set(passingLeavesOf(supervisorMachine))
    const found = leavesOf(supervisorMachine).filter((leaf) => !passing.has(leaf) && leaf !== 'stopped')
    const named = new Set(Object.keys(routes).flatMap((state) => state.split('+')))
    expect(found.map((leaf) => leaf.slice(leaf.lastIndexOf('.') + 1)).toSorted()).toEqual(
      [...named].toSorted(),
    )
    expect([...passing]).toEqual(['starting', 'running.health.up.choosing'])
  })

  test('the table names every event that the chart hears', () => {
    const heard = new Set(arrowsOf(supervisorMachine).map(({ event }) => event))
    heard.delete('')
    expect(new Set(Object.values(events).map(({ type }) => type as string))).toEqual(heard)
  })

  test.each(cells)('$state × $name', ({ state, name, cell }) => {
    const chart = pureSupervisor({
      isEnabled: state !== 'disabled',
      hearsEvents: !state.endsWith('unhearing'),
      underWayCount: 1,
    })
    const route: readonly SupervisorEvent[] = routes[state]
    const before = route.reduce((snapshot, sent) => chart.step(snapshot, sent).after, chart.initial())
    expect(standing(before)).toBe(state)
    const { after, does, changes, isUnchanged } = chart.step(before, events[name])
    expect({ next: standing(after), does, changes }).toEqual({ next: state, does: [], changes: [], ...cell })
    expect(isUnchanged).toBe(cell?.next === undefined && cell?.changes === undefined)
  })

  test('a supervisor that has nothing under way when it is stopped waits for nothing', () => {
    const chart = pureSupervisor()
    const { after, does } = chart.step(chart.initial(), events.stop)
    expect(standing(after)).toBe('disbanding')
    expect(does).toEqual(['end child', 'quietFleet', 'set timer', 'drop timer', 'begin disband'])
  })

  test('a trouble that is over is forgotten; one that never was changes nothing', () => {
    const chart = pureSupervisor()
    const met = chart.step(chart.initial(), events.troubleMet).after
    expect(Object.keys(met.context.streaks)).toEqual(['hook'])
    expect(chart.step(met, events.troubleOver).after.context.streaks).toEqual({})
  })
})

const recorder = new Recorder(supervisorMachine)
const watched = (options: { isEnabled?: boolean; hearsEvents?: boolean } = {}) =>
  runningSupervisor({ ...options, inspect: recorder.inspect })

describe('a running supervisor', () => {
  test('a look in flight is never doubled, however often one is asked for', async () => {
    const { actor, clock, looks, stands } = watched()
    for (const sent of [events.lookAsked, events.dueChanged, events.lookAsked]) actor.send(sent)
    await clock.advance(2 * waitMs)
    expect(looks).toHaveLength(1)
    expect(stands()).toBe('looking+unknown')
    actor.stop()
  })

  test('looks follow each other after the wait, also when one fails or breaks', async () => {
    const { actor, clock, looks, stands, reports, did } = watched()
    actor.send(events.engineAnswered)
    looks[0]?.resolve(outcome)
    await clock.advance(waitMs)
    expect(did).toEqual(['admit'])
    actor.send(events.engineFailed)
    looks[1]?.reject(new EngineError('unavailable', 'nobody answers'))
    await clock.settle()
    expect(stands()).toBe('idle+down')
    await clock.advance(waitMs)
    actor.send(events.engineAnswered)
    looks[2]?.reject(new TypeError('a fault of ours'))
    await clock.settle()
    expect(stands()).toBe('idle+listening')
    expect(looks).toHaveLength(3)
    expect(did).toEqual(['admit', 'hold', 'engineLost', 'release', 'engineBack'])
    expect(reports.map(({ type }) => type)).toEqual(['engineDown', 'engineUp', 'trouble'])
    actor.stop()
  })

  test('each wish sets the wait anew; at its end there is one look', async () => {
    const { actor, clock, looks } = watched()
    looks[0]?.resolve(outcome)
    await clock.advance(waitMs - 1)
    actor.send(events.lookAsked)
    actor.send(events.dueChanged)
    await clock.advance(waitMs - 1)
    expect(looks).toHaveLength(1)
    await clock.advance(1)
    expect(looks).toHaveLength(2)
    actor.stop()
  })

  test('survives-outage: the fleet hears of both edges of an outage, and of each only once', () => {
    const { actor, did, reports } = watched()
    for (const sent of [events.engineFailed, events.engineFailed, events.engineFailed]) actor.send(sent)
    expect(actor.getSnapshot().context).toMatchObject({ failedLooks: 3, engineFailure: failure })
    actor.send(events.engineAnswered)
    actor.send(events.engineAnswered)
    actor.send(events.engineFailed)
    expect(did).toEqual(['hold', 'engineLost', 'release', 'engineBack', 'hold', 'engineLost'])
    expect(reports.map(({ type }) => type)).toEqual(['engineDown', 'engineUp', 'engineDown'])
    expect(actor.getSnapshot().context.failedLooks).toBe(1)
    actor.stop()
  })

  test('events are followed while the engine is up, and again after a pause when their stream has ended', async () => {
    const { actor, clock, reports, stands, streams, world } = watched()
    actor.send(events.engineAnswered)
    expect([stands(), streams.length]).toEqual(['looking+listening', 1])
    world.restMs = deafMs
    streams[0]?.resolve()
    await clock.settle()
    expect(stands()).toBe('looking+deaf')
    await clock.advance(deafMs - 1)
    expect(streams).toHaveLength(1)
    await clock.advance(1)
    expect([stands(), streams.length]).toEqual(['looking+listening', 2])
    streams[1]?.reject(new EngineError('misconfigured', 'denied'))
    await clock.settle()
    expect([stands(), reports]).toEqual(['looking+deaf', []])
    actor.send(events.engineAnswered)
    actor.send(events.engineAnswered)
    expect(reports).toEqual([{ type: 'trouble', about: 'events', kind: 'misconfigured', message: 'denied' }])
    actor.stop()
  })

  test('one-line-per-change: a stream that cannot be had from an engine that goes away is no trouble of its own', async () => {
    const { actor, clock, reports, streams } = watched()
    actor.send(events.engineAnswered)
    streams[0]?.reject(new EngineError('unavailable', 'nobody listens there'))
    await clock.settle()
    actor.send(events.engineFailed)
    actor.send(events.engineAnswered)
    actor.send(events.engineAnswered)
    expect(reports.map(({ type }) => type)).toEqual(['engineDown', 'engineUp'])
    actor.stop()
  })

  test('an engine that is down is not listened to', async () => {
    const { actor, clock, stands, streams } = watched()
    actor.send(events.engineAnswered)
    actor.send(events.engineFailed)
    await clock.advance(2 * deafMs)
    expect([stands(), streams.length]).toEqual(['looking+down', 1])
    actor.stop()
  })

  test('an engine that went down while it was followed is followed again only after a rest', async () => {
    const { actor, clock, stands, streams, world } = watched()
    actor.send(events.engineAnswered)
    world.restMs = deafMs
    actor.send(events.engineFailed)
    actor.send(events.engineAnswered)
    expect([stands(), streams.length]).toEqual(['looking+deaf', 1])
    await clock.advance(deafMs)
    expect([stands(), streams.length]).toEqual(['looking+listening', 2])
    actor.stop()
  })

  test('whoever wants no events follows none', async () => {
    const { actor, clock, stands, streams } = watched({ hearsEvents: false })
    actor.send(events.engineAnswered)
    await clock.advance(2 * deafMs)
    expect([stands(), streams.length]).toEqual(['looking+unhearing', 0])
    actor.stop()
  })

  test('troubles are noted, and told once', () => {
    const { actor, reports } = watched()
    for (const sent of [events.troubleMet, events.troubleMet, events.troubleOver, events.troubleOver])
      actor.send(sent)
    expect(reports.map(({ type }) => type)).toEqual(['trouble', 'troubleOver'])
    expect(reports[1]).toMatchObject({ about: 'hook', count: 2 })
    actor.stop()
  })

  test('a freed place is given to the next one', () => {
    const { actor, did } = watched()
    actor.send(events.placeFreed)
    expect(did).toEqual(['admit'])
    actor.stop()
  })

  test('quiet-stop: stops admitting at once, waits for what is under way, and ends when that has settled', async () => {
    const { actor, world, did, disbandings, reports, stands } = watched()
    world.underWayCount = 1
    actor.send(events.stop)
    expect(did).toEqual(['quieten', 'stop admitting'])
    expect(stands()).toBe('settling')
    actor.send(events.placeFreed)
    expect(stands()).toBe('settling')
    world.underWayCount = 0
    actor.send(events.placeFreed)
    expect(stands()).toBe('disbanding')
    expect(did).toEqual(['quieten', 'stop admitting'])
    disbandings[0]?.resolve()
    await world.clock.settle()
    expect(actor.getSnapshot().status).toBe('done')
    expect(reports).toEqual([{ type: 'stopped', underWay: 0 }])
  })

  test('quiet-stop: what does not settle is not waited for beyond the settle time, and the end comes even if disbanding fails', async () => {
    const { actor, world, clock, disbandings, reports, stands } = watched()
    world.underWayCount = 2
    actor.send(events.stop)
    await clock.advance(settleMs - 1)
    expect(stands()).toBe('settling')
    await clock.advance(1)
    expect(stands()).toBe('disbanding')
    disbandings[0]?.reject(new Error('boom'))
    await clock.settle()
    expect(actor.getSnapshot().status).toBe('done')
    expect(reports).toEqual([{ type: 'stopped', underWay: 2 }])
  })

  test('a disabled one looks at nothing and can be stopped', async () => {
    const { actor, clock, looks, stands } = watched({ isEnabled: false })
    for (const sent of [events.lookAsked, events.dueChanged, events.placeFreed]) actor.send(sent)
    await clock.advance(2 * waitMs)
    expect(stands()).toBe('disabled')
    expect(looks).toHaveLength(0)
    actor.send(events.stop)
    expect(actor.getSnapshot().status).toBe('done')
  })

  test('the end is the end: nothing wakes a stopped supervisor', async () => {
    const { actor, clock, looks, did } = watched({ isEnabled: false })
    actor.send(events.stop)
    const sleeping = Object.values(events).filter(({ type }) => !type.startsWith('xstate.'))
    for (const sent of sleeping) actor.send(sent)
    await clock.advance(waitMs)
    expect(actor.getSnapshot().value).toBe('stopped')
    expect([looks, did, clock.pendingTimers]).toEqual([[], [], 0])
  })

  test('running supervisors take every arrow of the chart and enter every state', () => {
    expect(recorder.missedArrows).toEqual([])
    expect(recorder.missedLeaves).toEqual([])
  })
})
