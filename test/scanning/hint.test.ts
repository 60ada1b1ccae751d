import { describe, expect, test } from 'vitest'
import { ownedByLabel, ownedByNomad } from '../../src/policy/ownership.ts'
import { actionsFollowed, isNews } from '../../src/scanning/hint.ts'
import { fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const ownership = ownedByLabel({ label: ownerLabel, value: ownerValue })
const mine = { [ownerLabel]: ownerValue, image: 'busybox:test', name: 'task-1' }
const id = fakeId(1)

const event = (action: string, labels: Record<string, string> = mine) => ({
  action,
  id,
  name: 'task-1',
  labels,
})
const known = (state: string) => summary({ id, state, labels: mine })

describe('an event of a container that no scan has listed', () => {
  test.each(['create', 'start', 'restart', 'unpause', 'rename'])('%s is news where it is owned', (action) => {
    expect(isNews(event(action), { known: undefined, isGuest: false, ownership })).toBe(true)
  })

  test.each([
    'die',
    'died',
    'stop',
    'destroy',
    'remove',
    'pause',
    'kill',
    'exec_create: sh',
    'health_status: healthy',
    '',
  ])('%j is no news: the next scan will not show it, or shows it anyway', (action) => {
    expect(isNews(event(action), { known: undefined, isGuest: false, ownership })).toBe(false)
  })

  test.each([[{}], [{ [ownerLabel]: 'agent-8' }], [{ name: ownerValue }]])(
    'owned-only: the start of a foreign container is ignored (%j)',
    (labels) => {
      expect(
        isNews(event('start', labels as Record<string, string>), {
          known: undefined,
          isGuest: false,
          ownership,
        }),
      ).toBe(false)
    },
  )

  test("Nomad's is known by its allocation label, and from before the label only by a scan", () => {
    const nomad = ownedByNomad()
    const allocation = { 'com.hashicorp.nomad.alloc_id': 'a' }
    expect(isNews(event('start', allocation), { known: undefined, isGuest: false, ownership: nomad })).toBe(
      true,
    )
    const older = { ...event('start', {}), name: 'web-0b2c5d1e-1111-2222-3333-444455556666' }
    expect(isNews(older, { known: undefined, isGuest: false, ownership: nomad })).toBe(false)
  })
})

describe('an event of a known container counts if it differs from the last scan', () => {
  test.each([
    [
      'create',
      { created: false, running: false, paused: false, restarting: false, exited: false, dead: false },
    ],
    ['start', { created: true, running: false, paused: true, restarting: true, exited: true, dead: true }],
    ['restart', { created: true, running: false, paused: true, restarting: true, exited: true, dead: true }],
    ['unpause', { created: true, running: false, paused: true, restarting: true, exited: true, dead: true }],
    ['pause', { created: true, running: true, paused: false, restarting: true, exited: true, dead: true }],
    ['die', { created: true, running: true, paused: true, restarting: true, exited: false, dead: false }],
    ['stop', { created: true, running: true, paused: true, restarting: true, exited: false, dead: false }],
    ['destroy', { created: true, running: true, paused: true, restarting: true, exited: true, dead: true }],
    ['remove', { created: true, running: true, paused: true, restarting: true, exited: true, dead: true }],
    ['kill', { running: false }],
    ['exec_start: sh', { running: false }],
    ['health_status: unhealthy', { running: false }],
  ])('%s', (action, expected) => {
    const found = Object.keys(expected).map((state) => [
      state,
      isNews(event(action), { known: known(state), isGuest: false, ownership }),
    ])
    expect(Object.fromEntries(found)).toEqual(expected)
  })

  test('the id decides, whatever labels the event carries', () => {
    expect(isNews(event('die', {}), { known: known('running'), isGuest: false, ownership })).toBe(true)
  })
})

test('what may be news is requested of the engine, and nothing else', () => {
  const all = ['create', 'start', 'restart', 'unpause', 'rename', 'pause', 'die', 'died', 'stop']
  expect(actionsFollowed.toSorted()).toEqual([...all, 'destroy', 'remove'].toSorted())
})

test.each([
  ['destroy', true],
  ['remove', true],
  ['die', false],
  ['start', false],
])('namespace-shared: of a foreign guest only the removal is news: %s', (action, expected) => {
  expect(isNews(event(action, {}), { known: undefined, isGuest: true, ownership })).toBe(expected)
})
