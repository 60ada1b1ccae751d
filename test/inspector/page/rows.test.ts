import { describe, expect, it } from 'vitest'
import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { Model } from '../../../src/inspector/page/model/actors.ts'
import { containerOf, supervisorOf } from '../../../src/inspector/page/model/flotsam.ts'
import { readMessage } from '../../../src/inspector/page/model/message.ts'
import { type Choice, listingOf, rowOf } from '../../../src/inspector/page/model/rows.ts'
import { frame } from './support/messages.ts'

const id = (digit: string) => digit.repeat(64)
const definitionOf = (machine: { readonly config: object }) => JSON.stringify(machine.config)

interface Reported {
  readonly name: string
  readonly value: unknown
  readonly verdict?: string
  readonly reason?: string
  readonly outcome?: string
  readonly status?: string
  readonly createdAt?: string
}

/** Containers in the order given, with ids of a, b, c, … */
function actorsOf(reported: readonly Reported[]) {
  const model = new Model()
  reported.forEach(
    (
      { name, value, verdict = 'tracked', reason = 'tracked', outcome, status = 'active', createdAt = '1' },
      index,
    ) => {
      const containerId = id('abcdef0123456789'[index] as string)
      const context = {
        id: containerId,
        listed: { name },
        verdict: { verdict, reason },
        failures: 0,
        outcome,
      }
      const message = readMessage(
        frame.actor({
          sessionId: `x:${index + 1}`,
          parentId: 'x:0',
          name: `${name} ${containerId.slice(0, 12)}`,
          definition: definitionOf(containerMachine),
          createdAt,
          snapshot: { status, value, context },
        }),
      )
      if (message) model.apply(message, 0)
    },
  )
  return [...model.actors.values()]
}

const all: Choice = {
  kind: 'containers',
  rootId: 'x:0',
  text: '',
  group: undefined,
  sorting: { key: 'name', isDescending: false },
}

const reported: readonly Reported[] = [
  {
    name: 'job-10',
    value: { graced: 'waiting' },
    verdict: 'graced',
    reason: 'creation-grace',
    createdAt: '300',
  },
  {
    name: 'job-9',
    value: { removing: { attempting: { slot: 'taken', request: 'deleting' } } },
    verdict: 'dangling',
    reason: 'untracked',
    createdAt: '100',
  },
  { name: 'Web', value: { classified: 'tracked' }, createdAt: '200' },
  { name: 'old', value: 'gone', outcome: 'removed', status: 'stopped' },
]
const namesOf = (choice: Partial<Choice>) =>
  listingOf(actorsOf(reported), { ...all, ...choice }).rows.map(({ name }) => name)

describe('the list', () => {
  it('counts by state, those that need attention first', () => {
    const { groups, living } = listingOf(actorsOf(reported), all)
    expect([...groups]).toEqual([
      ['removing', 1],
      ['graced', 1],
      ['tracked', 1],
      ['ended', 1],
    ])
    expect(living).toBe(3)
  })

  it('leaves out ended actors, unless requested', () => {
    expect(namesOf({})).toEqual(['job-9', 'job-10', 'Web'])
    expect(namesOf({ group: 'ended' })).toEqual(['old'])
    expect(listingOf(actorsOf(reported), { ...all, group: 'ended' }).rows[0]?.state).toBe('removed')
  })

  it.each<readonly [string, Partial<Choice>, readonly string[]]>([
    ['a part of a name, in either case', { text: ' wEB ' }, ['Web']],
    ['the beginning of an id', { text: 'bbbb' }, ['job-9']],
    ['a part of a reason', { text: 'grace' }, ['job-10']],
    ['a state', { group: 'graced' }, ['job-10']],
    ['a state that nothing is in', { group: 'queued' }, []],
    ['another system', { rootId: 'x:7' }, []],
  ])('filters by %s', (_what, choice, names) => {
    expect(namesOf(choice)).toEqual(names)
  })

  it.each<readonly [string, Choice['sorting'], readonly string[]]>([
    ['names as people count', { key: 'name', isDescending: false }, ['job-9', 'job-10', 'Web']],
    ['names backwards', { key: 'name', isDescending: true }, ['Web', 'job-10', 'job-9']],
    ['states', { key: 'state', isDescending: false }, ['job-9', 'job-10', 'Web']],
    ['the longest time first', { key: 'time', isDescending: true }, ['job-9', 'Web', 'job-10']],
    ['the shortest time first', { key: 'time', isDescending: false }, ['job-10', 'Web', 'job-9']],
  ])('sorts by %s', (_what, sorting, names) => {
    expect(namesOf({ sorting })).toEqual(names)
  })

  it('builds a row once for each change of an actor', () => {
    const [actor] = actorsOf(reported)
    if (!actor) throw new Error('no actor')
    expect(rowOf(actor)).toBe(rowOf(actor))
  })
})

describe('what is read from contexts', () => {
  const contextOf = (machine: { readonly config: object }, snapshot: Readonly<Record<string, unknown>>) => {
    const model = new Model()
    const message = readMessage(
      frame.actor({
        sessionId: 'x:0',
        definition: definitionOf(machine),
        snapshot: { status: 'active', ...snapshot },
      }),
    )
    if (message) model.apply(message, 0)
    const actor = model.actors.get('x:0')
    if (!actor) throw new Error('no actor')
    return actor
  }
  const running = (engine: unknown, scanning: unknown = 'scan') => ({
    running: { scanning, engine, verdicts: 'none' },
  })
  const resting = { idle: { resting: 'waiting' } }

  it.each([
    ['up and followed', running({ up: { following: 'open' } }), { health: 'up', followsEvents: true }],
    ['up and not yet followed', running({ up: { following: 'connecting' } }), { followsEvents: false }],
    ['up and left alone', running({ up: 'eventsDisabled' }), { health: 'up', followsEvents: false }],
    ['scanned', running('unknown'), { isScanning: true }],
    ['not scanned', running({ up: 'resting' }, resting), { isScanning: false }],
    ['down', running('down'), { health: 'down', followsEvents: false }],
    ['unknown', running('unknown'), { health: 'unknown' }],
    ['stopping', { stopping: 'settling' }, { phase: 'stopping', health: 'unknown' }],
    ['stopped', 'stopped', { phase: 'stopped', health: 'unknown' }],
  ])('knows an engine that is %s', (_what, value, expected) => {
    const actor = contextOf(supervisorMachine, { value, context: { streaks: {}, failedScans: 0 } })
    expect(supervisorOf(actor)).toMatchObject(expected)
  })

  it('reads the last scan, the failure and the streaks', () => {
    const actor = contextOf(supervisorMachine, {
      value: running('down'),
      context: {
        failedScans: 3,
        engineFailure: { kind: 'unavailable', message: 'no such socket' },
        lastScan: {
          number: 7,
          endedAt: 9,
          durationMs: 4,
          listed: 6,
          owned: 5,
          tracked: 4,
          graced: 1,
          dangling: 0,
          spared: 0,
        },
        streaks: { 'tracker x': { about: 'tracker', kind: 'threw', message: 'oh', count: 4 } },
      },
    })
    expect(supervisorOf(actor)).toMatchObject({
      failedScans: 3,
      failure: { kind: 'unavailable', message: 'no such socket' },
      lastScan: {
        number: 7,
        endedAt: 9,
        durationMs: 4,
        counts: { listed: 6, owned: 5, tracked: 4, graced: 1 },
      },
      streaks: [{ about: 'tracker', kind: 'threw', message: 'oh', count: 4 }],
    })
  })

  it('recognises a container that no scan has judged yet, under its short id until it has a name', () => {
    expect(
      containerOf(contextOf(containerMachine, { value: 'discovered', context: { id: id('a') } })),
    ).toMatchObject({ id: id('a'), name: 'aaaaaaaaaaaa', verdict: '', reason: '', failures: 0 })
  })

  it.each([
    ['active', { classified: 'tracked' }, undefined],
    ['stopped', { classified: 'tracked' }, undefined],
    ['done', 'gone', 'vanished'],
  ])('shows the outcome of a container whose actor is %s only if it is gone', (status, value, outcome) => {
    const context = { id: id('a'), outcome: 'vanished' }
    expect(containerOf(contextOf(containerMachine, { status, value, context }))?.outcome).toBe(outcome)
  })

  it.each([
    ['no context', undefined],
    ['a context of something else', { lamps: 3 }],
  ])('takes an actor with %s for neither a container nor a supervisor', (_what, context) => {
    expect(containerOf(contextOf(containerMachine, { value: 'discovered', context }))).toBeUndefined()
    expect(supervisorOf(contextOf(supervisorMachine, { value: 'stopped', context }))).toBeUndefined()
  })
})
