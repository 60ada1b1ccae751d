import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ContainerSummary, SharedNamespaces } from '../../src/domain/container.ts'
import { type ContainerId, parseContainerId } from '../../src/domain/ids.ts'
import {
  hasEnded,
  isGuest,
  type Joining,
  mayHaveJoined,
  namesIn,
  pathsIn,
  rejoins,
  sharingAmong,
  weighGuests,
} from '../../src/policy/namespaces.ts'
import { summary } from '../support/summary.ts'

/** Ids that differ from their first digit on. */
const idOf = (digits: string) => parseContainerId(digits.padEnd(64, digits)) as ContainerId

const ids = { holder: idOf('a1'), b: idOf('b2'), c: idOf('c3'), d: idOf('d4') }

const holder = summary({ id: ids.holder, names: ['pause', 'other/alias'] })

const guest = (id: ContainerSummary['id'], called: string, fields: Partial<ContainerSummary> = {}) =>
  summary({ id, name: `guest-${id.slice(-4)}`, networkMode: `container:${called}`, ...fields })

const sharesNothing: SharedNamespaces = {
  network: '',
  pid: '',
  ipc: '',
  uts: '',
  cgroupParent: '',
  dependencies: [],
}

const byNetwork = (containers: readonly ContainerSummary[]) =>
  sharingAmong(
    containers.map((container) => ({
      container,
      namespaces: { ...sharesNothing, network: container.networkMode },
    })),
  )

/** The guests of the holder, weighed. */
function weigh(
  containers: readonly ContainerSummary[],
  isForgotten: (guest: ContainerSummary) => boolean,
  of = holder,
) {
  const { protecting, ended } = weighGuests(byNetwork(containers), isForgotten)(of)
  return { protecting, ended: ended() }
}

const guestIds = (containers: readonly ContainerSummary[], of = holder) =>
  byNetwork(containers)
    .guestsOf(of)
    .map(({ id }) => id)

describe('protected: a guest refers to its holder', () => {
  test.each([
    ['by its id', ids.holder],
    ['by the start of its id', ids.holder.slice(0, 12)],
    ['by its name', 'pause'],
    ['by its name as the engine writes it', '/pause'],
    ['by a further name', 'other/alias'],
  ])('%s', (_, called) => {
    expect(guestIds([holder, guest(ids.b, called)])).toEqual([ids.b])
  })

  test.each(['', ids.b, ids.holder.slice(1), 'paus', 'pause2', `${ids.holder}0`])(
    '%j refers to no container here',
    (called) => {
      expect(guestIds([holder, guest(ids.c, called)])).toEqual([])
    },
  )

  test.each(['bridge', 'host', 'none', '', 'default', 'pause', `Container:${ids.holder}`])(
    'the network %j is no other container’s',
    (networkMode) => {
      expect(guestIds([holder, summary({ id: ids.b, networkMode })])).toEqual([])
    },
  )

  test('several guests that refer to it differently are all found, each once', () => {
    const guests = [guest(ids.b, ids.holder), guest(ids.c, 'pause'), guest(ids.d, ids.holder.slice(0, 20))]
    expect(guestIds([...guests, holder]).toSorted()).toEqual([ids.b, ids.c, ids.d].toSorted())
    expect(guestIds([...guests, ...guests, holder])).toHaveLength(3)
  })

  test('unknown-is-spared: by a name, when the engine gives the holder none', () => {
    const nameless = summary({ id: ids.holder, names: [] })
    expect(guestIds([nameless, guest(ids.b, 'pause')], nameless)).toEqual([ids.b])
    expect(guestIds([nameless, guest(ids.b, ids.c)], nameless)).toEqual([])
    expect(guestIds([nameless, guest(ids.b, '')], nameless)).toEqual([])
  })

  test('unknown-is-spared: by a name beside an id, when the engine gives the holder of the name none', () => {
    const nameless = summary({ id: ids.holder, names: [] })
    const both = { ...sharesNothing, network: `container:${ids.c}`, pid: 'container:pause' }
    const sharing = sharingAmong([{ container: summary({ id: ids.b }), namespaces: both }])
    expect(sharing.guestsOf(nameless).map(({ id }) => id)).toEqual([ids.b])
  })

  test('the holder need not be listed first, nor at all', () => {
    expect(guestIds([guest(ids.b, ids.holder), holder])).toEqual([ids.b])
    expect(guestIds([guest(ids.b, ids.holder)])).toEqual([ids.b])
  })

  test('no container is its own guest', () => {
    const strange = summary({ id: ids.holder, name: 'strange', networkMode: `container:${ids.holder}` })
    expect(guestIds([strange], strange)).toEqual([])
    const byName = { ...strange, networkMode: 'container:strange' }
    expect(guestIds([byName], byName)).toEqual([])
  })

  test('without any sharing there are no guests', () => {
    expect(guestIds([holder, summary({ id: ids.b })])).toEqual([])
    expect(guestIds([])).toEqual([])
    const sharing = byNetwork([holder, summary({ id: ids.b })])
    expect([sharing.hasGuests(holder), sharing.awaitsHolder(holder)]).toEqual([false, false])
  })

  test('whether there are guests is known without listing them', () => {
    const [named, nameless] = [summary({ id: ids.c, name: 'c' }), summary({ id: ids.d, names: [] })]
    const sharing = byNetwork([holder, guest(ids.b, 'pause'), named, nameless])
    expect([holder, named, nameless].map((one) => sharing.hasGuests(one))).toEqual([true, false, true])
  })
})

describe('protected: guests of guests use the same network', () => {
  test('a chain leads back to its first holder', () => {
    const chain = [holder, guest(ids.b, ids.holder), guest(ids.c, ids.b), guest(ids.d, ids.c)]
    expect(guestIds(chain)).toEqual([ids.b, ids.c, ids.d])
    expect(guestIds(chain, chain[2])).toEqual([ids.d])
    expect(guestIds(chain, chain[3])).toEqual([])
  })

  test('a cycle ends, and each container in it is a guest of each other one', () => {
    const ring = [guest(ids.b, ids.c), guest(ids.c, ids.d), guest(ids.d, ids.b)]
    for (const one of ring) {
      const others = [ids.b, ids.c, ids.d].filter((id) => id !== one.id)
      expect(guestIds(ring, one).toSorted()).toEqual(others.toSorted())
    }
  })

  test('a forgotten guest that has ended does not hide a running one behind it', () => {
    const chain = [holder, guest(ids.b, ids.holder, { state: 'exited' }), guest(ids.c, ids.b)]
    expect(weigh(chain, ({ id }) => id === ids.b)).toEqual({ protecting: ids.c, ended: [] })
  })
})

describe('protected: which guests count', () => {
  const forgotten = () => true
  const notForgotten = () => false

  test.each(['running', 'paused', 'restarting', 'created', 'removing', '', 'unheard-of'])(
    'a forgotten guest in the state %j protects: it has not ended',
    (state) => {
      const one = guest(ids.b, ids.holder, { state })
      expect(hasEnded(one)).toBe(false)
      expect(weigh([one], forgotten)).toEqual({ protecting: ids.b, ended: [] })
    },
  )

  test.each(['exited', 'dead'])(
    'a guest in the state %j protects unless it is certainly untracked',
    (state) => {
      const one = guest(ids.b, ids.holder, { state })
      expect(hasEnded(one)).toBe(true)
      expect(weigh([one], forgotten)).toEqual({ protecting: undefined, ended: [one] })
      expect(weigh([one], notForgotten)).toEqual({ protecting: ids.b, ended: [] })
    },
  )

  test('a forgotten guest that never ran and refers to its holder by name does not protect', () => {
    const one = guest(ids.b, 'pause', { state: 'created' })
    expect(weigh([one], forgotten)).toEqual({ protecting: undefined, ended: [one] })
    expect(weigh([one], notForgotten)).toEqual({ protecting: ids.b, ended: [] })
  })

  test('one guest that counts among many that do not is enough; without it the others are named', () => {
    const guests = [
      guest(ids.b, ids.holder, { state: 'exited' }),
      guest(ids.c, ids.holder, { state: 'dead' }),
      guest(ids.d, ids.holder),
    ]
    expect(weigh(guests, forgotten)).toEqual({ protecting: ids.d, ended: [] })
    expect(weigh(guests.slice(0, 2), forgotten)).toEqual({ protecting: undefined, ended: guests.slice(0, 2) })
  })

  test('a guest in a cycle does not protect itself, but one behind it does', () => {
    const ring = [
      guest(ids.b, ids.c),
      guest(ids.c, ids.b, { state: 'exited' }),
      guest(ids.d, ids.c, { state: 'exited' }),
    ]
    const [running, ended] = ring as [ContainerSummary, ContainerSummary]
    expect(weigh(ring, forgotten, running).protecting).toBeUndefined()
    expect(weigh(ring, forgotten, ended).protecting).toBe(ids.b)
    expect(weigh([...ring, guest(holder.id, ids.d)], forgotten, running).protecting).toBe(holder.id)
  })

  test('each holder has the protection that following its own guests finds', () => {
    const name = fc.integer({ min: 0, max: 9 })
    const called = fc.oneof(
      { weight: 4, arbitrary: name.map((number) => `task-${number}`) },
      name.map((number) => idOf(`${number}`)),
      name.map((number) => idOf(`${number}`).slice(0, 3)),
      fc.constantFrom('', 'nobody'),
    )
    const space = fc.constantFrom('network', 'pid', 'dependencies', 'path')
    const body = fc.record({
      number: name,
      isNamed: fc.boolean(),
      state: fc.constantFrom('running', 'exited', 'exited', 'exited'),
      shares: fc.array(fc.tuple(space, called), { maxLength: 2 }),
    })
    fc.assert(
      fc.property(fc.array(body, { maxLength: 10 }), fc.array(name), (bodies, kept) => {
        const sharers = bodies.map(({ number, isNamed, state, shares }) => {
          const names = isNamed ? [`task-${number}`] : []
          const container = summary({ id: idOf(`${number}`), names, state })
          const of = (wanted: string) => shares.find(([how]) => how === wanted)?.[1]
          const shared = (wanted: string) => (of(wanted) === undefined ? '' : `container:${of(wanted)}`)
          const dependencies = shares.filter(([how]) => how === 'dependencies').map(([, one]) => one)
          const uts = of('path') === undefined ? '' : 'ns:/proc/1/ns/uts'
          return {
            container,
            namespaces: {
              ...sharesNothing,
              network: shared('network'),
              pid: shared('pid'),
              uts,
              dependencies,
            },
          }
        })
        // one entry for each id: of several, either may count
        const once = sharers.filter(
          ({ container: { id } }, at) => sharers.findIndex((one) => one.container.id === id) === at,
        )
        const sharing = sharingAmong(once)
        const isForgotten = ({ id }: ContainerSummary) => !kept.some((number) => idOf(`${number}`) === id)
        const guestsOf = weighGuests(sharing, isForgotten)
        for (const { container } of [...once, { container: holder }]) {
          const guests = sharing.guestsOf(container)
          const counting = guests.filter((one) => !hasEnded(one) || !isForgotten(one)).map(({ id }) => id)
          const { protecting, ended } = guestsOf(container)
          if (counting.length > 0) expect(counting).toContain(protecting)
          else expect(protecting).toBeUndefined()
          expect(ended()).toEqual(counting.length > 0 ? [] : guests)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('without containers there is no protection', () => {
    expect(weigh([], notForgotten)).toEqual({ protecting: undefined, ended: [] })
  })
})

describe('protected: every way to depend on another container', () => {
  const [b] = [summary({ id: ids.b, name: 'b' })]
  const namespaces = (fields: Partial<SharedNamespaces>) => ({ ...sharesNothing, ...fields })
  const guestsWith = (fields: Partial<SharedNamespaces>) =>
    sharingAmong([{ container: b, namespaces: namespaces(fields) }])
      .guestsOf(holder)
      .map(({ id }) => id)

  test.each<[string, Partial<SharedNamespaces>]>([
    ['its network', { network: `container:${ids.holder}` }],
    ['its pid namespace', { pid: `container:${ids.holder}` }],
    ['its pid namespace, by name', { pid: 'container:pause' }],
    ['its ipc namespace', { ipc: `container:${ids.holder}` }],
    ['its ipc namespace, by the start of its id', { ipc: `container:${ids.holder.slice(0, 12)}` }],
    ['its uts namespace', { uts: `container:${ids.holder}` }],
    ['its cgroup', { cgroupParent: `/docker/${ids.holder}` }],
    ['a cgroup deeper in its own', { cgroupParent: `/machine.slice/libpod-${ids.holder}.scope/inner` }],
    ['what the engine calls a dependency', { dependencies: [ids.c, ids.holder] }],
    ['a dependency by name', { dependencies: ['pause'] }],
  ])('%s', (_, fields) => {
    expect(guestsWith(fields)).toEqual([ids.b])
    expect(isGuest(namespaces(fields))).toBe(true)
  })

  test.each<[string, Partial<SharedNamespaces>]>([
    ['another one’s ipc, that it lets others join', { ipc: 'shareable' }],
    ['the host’s', { network: 'host', pid: 'host', ipc: 'host', uts: 'host' }],
    ['private ones', { pid: 'private', ipc: 'private', uts: 'private', network: 'bridge' }],
    ['a slice of the host’s cgroups', { cgroupParent: 'system.slice' }],
  ])('no container: %s', (_, fields) => {
    expect(guestsWith(fields)).toEqual([])
    expect(isGuest(namespaces(fields))).toBe(false)
  })

  test.each<[string, Partial<SharedNamespaces>]>([
    ['a network of some process', { network: 'ns:/proc/4711/ns/net' }],
    ['a pid namespace of some process', { pid: 'ns:/proc/1/ns/pid' }],
    ['a namespace that was mounted at a file', { ipc: 'ns:/run/somewhere/ipc' }],
    ['a network that an engine made for a container', { network: 'ns:/run/netns/netns-5d1c8a2e-0f5a-4f0b' }],
    ['a network with a name, which `ip netns attach` gives to any', { network: 'ns:/run/netns/blue' }],
  ])('a path may lead to those of any container: %s', (_, fields) => {
    expect(pathsIn(namespaces(fields))).toEqual(Object.keys(fields))
    expect([isGuest(namespaces(fields)), rejoins(namespaces(fields))]).toEqual([true, true])
  })

  test.each<[string, Partial<SharedNamespaces>, readonly object[]]>([
    ['none', {}, []],
    ['one by id, which no start changes', { network: `container:${ids.holder}`, dependencies: [ids.c] }, []],
    ['a network by name', { network: 'container:pause' }, [{ space: 'network', called: 'pause' }]],
    ['a pid namespace by the start of an id', { pid: 'container:a1a1' }, [{ space: 'pid', called: 'a1a1' }]],
    [
      'a dependency by name beside one by id',
      { dependencies: [ids.c, 'pause'] },
      [{ space: 'other', called: 'pause' }],
    ],
  ])('the references that a start resolves again: %s', (_, fields, names) => {
    expect(namesIn(namespaces(fields))).toEqual(names)
    expect(rejoins(namespaces(fields))).toBe(names.length > 0)
  })

  test('a chain over different namespaces leads back to its first holder', () => {
    const [c, d] = [summary({ id: ids.c, name: 'c' }), summary({ id: ids.d, name: 'd' })]
    const sharing = sharingAmong([
      { container: b, namespaces: namespaces({ pid: `container:${ids.holder}` }) },
      { container: c, namespaces: namespaces({ dependencies: ['b'] }) },
      { container: d, namespaces: namespaces({ cgroupParent: `/docker/${ids.c}` }) },
    ])
    expect(sharing.guestsOf(holder)).toEqual([b, c, d])
    expect(sharing.guestsOf(c)).toEqual([d])
  })
})

describe('protected: which containers a guest with an unknown holder may need', () => {
  const aged = (createdAtMs: number | undefined) => summary({ id: ids.holder, createdAtMs })
  const joins = (...joinings: readonly Joining[]) => mayHaveJoined(joinings)
  const one: Joining = { guest: ids.b, spaces: ['network'], beforeMs: 5000 }

  test.each([
    ['what was created before it joined', 4000, true],
    ['what was created in the same second, which listings do not tell apart', 6000, true],
    ['what was created later', 6001, false],
    ['what has no age', undefined, true],
  ])('%s: %s is %s', (_, createdAtMs, isNeeded) => {
    expect(joins(one)(aged(createdAtMs), undefined)).toBe(isNeeded)
  })

  test('without a time it may be any, but not the guest itself', () => {
    const late = joins({ ...one, beforeMs: undefined })
    expect(late(aged(9e12), undefined)).toBe(true)
    expect(late({ ...aged(1), id: ids.b }, undefined)).toBe(false)
  })

  test('a container that shares that namespace itself has none of its own to lose', () => {
    const sharing = (network: string) => ({ ...sharesNothing, network })
    for (const network of [`container:${ids.c}`, 'ns:/run/netns/blue'])
      expect(joins(one)(aged(1), sharing(network))).toBe(false)
    expect(joins(one)(aged(1), { ...sharesNothing, pid: `container:${ids.c}` })).toBe(true)
    expect(joins({ ...one, spaces: undefined })(aged(1), sharing(`container:${ids.c}`))).toBe(true)
  })

  test('a container that shares every namespace can lose only what is none: a cgroup or a dependency', () => {
    const mode = `container:${ids.c}`
    const sharesAll = { ...sharesNothing, network: mode, pid: mode, ipc: mode, uts: mode }
    expect(joins({ ...one, spaces: ['other'] })(aged(1), sharesAll)).toBe(true)
    expect(joins({ ...one, spaces: undefined })(aged(1), sharesAll)).toBe(true)
    expect(joins({ ...one, spaces: ['network', 'pid', 'ipc', 'uts'] })(aged(1), sharesAll)).toBe(false)
  })

  test('a guest whose holder is unknown twice hides no other one', () => {
    const twice = [
      { ...one, beforeMs: 9000 },
      { ...one, beforeMs: 7000 },
      { ...one, guest: ids.c, beforeMs: 5000 },
    ]
    for (const joinings of [twice, twice.toReversed()])
      expect(joins(...joinings)({ ...aged(5000), id: ids.b }, undefined)).toBe(true)
  })

  test('of several guests each counts for the others', () => {
    const three = [one, { ...one, guest: ids.c, beforeMs: 7000 }, { ...one, beforeMs: 9000 }]
    for (const joinings of [three, three.toReversed()]) {
      expect(joins(...joinings)({ ...aged(7000), id: ids.b }, undefined)).toBe(true)
      expect(joins(...joinings)({ ...aged(9000), id: ids.b }, undefined)).toBe(false)
      expect(joins(...joinings)({ ...aged(9000), id: ids.c }, undefined)).toBe(true)
    }
  })
})
