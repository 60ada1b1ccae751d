import { describe, expect, test } from 'vitest'

import type { ContainerSummary } from '../src/engine/port.ts'
import { type ContainerId, parseContainerId } from '../src/ids.ts'
import { hasEnded, networkSharing, weighGuests } from '../src/namespaces.ts'
import { summary } from './support/summary.ts'

/** Ids that differ from their first digit on. */
const idOf = (digits: string) => parseContainerId(digits.padEnd(64, digits)) as ContainerId

const ids = { holder: idOf('a1'), b: idOf('b2'), c: idOf('c3'), d: idOf('d4') }

const holder = summary({ id: ids.holder, names: ['pause', 'other/alias'] })

const guest = (id: ContainerSummary['id'], called: string, fields: Partial<ContainerSummary> = {}) =>
  summary({ id, name: `guest-${id.slice(-4)}`, networkMode: `container:${called}`, ...fields })

const guestIds = (containers: readonly ContainerSummary[], of = holder) =>
  networkSharing(containers)
    .guestsOf(of)
    .map(({ id }) => id)

describe('protected: a guest calls its holder', () => {
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
    '%j calls nobody here',
    (called) => {
      expect(guestIds([holder, guest(ids.c, called)])).toEqual([])
    },
  )

  test.each([
    'bridge',
    'host',
    'none',
    '',
    'default',
    'pause',
    `ns:${ids.holder}`,
    `Container:${ids.holder}`,
  ])('the network %j is no other container’s', (networkMode) => {
    expect(guestIds([holder, summary({ id: ids.b, networkMode })])).toEqual([])
  })

  test('several guests that call it differently are all found, each once', () => {
    const guests = [guest(ids.b, ids.holder), guest(ids.c, 'pause'), guest(ids.d, ids.holder.slice(0, 20))]
    expect(guestIds([...guests, holder]).toSorted()).toEqual([ids.b, ids.c, ids.d].toSorted())
    expect(guestIds([...guests, ...guests, holder])).toHaveLength(3)
  })

  test('unknown-is-spared: by a name, where the engine gives the holder none', () => {
    const nameless = summary({ id: ids.holder, names: [] })
    expect(guestIds([nameless, guest(ids.b, 'pause')], nameless)).toEqual([ids.b])
    expect(guestIds([nameless, guest(ids.b, ids.c)], nameless)).toEqual([])
  })

  test('the holder need not be listed first, nor at all', () => {
    expect(guestIds([guest(ids.b, ids.holder), holder])).toEqual([ids.b])
    expect(guestIds([guest(ids.b, ids.holder)])).toEqual([ids.b])
  })

  test('nobody is a guest of its own', () => {
    const strange = summary({ id: ids.holder, name: 'strange', networkMode: `container:${ids.holder}` })
    expect(guestIds([strange], strange)).toEqual([])
    const byName = { ...strange, networkMode: 'container:strange' }
    expect(guestIds([byName], byName)).toEqual([])
  })

  test('without any sharing there are no guests', () => {
    expect(guestIds([holder, summary({ id: ids.b })])).toEqual([])
    expect(guestIds([])).toEqual([])
  })
})

describe('protected: guests of guests use the same network', () => {
  test('a chain leads back to its first holder', () => {
    const chain = [holder, guest(ids.b, ids.holder), guest(ids.c, ids.b), guest(ids.d, ids.c)]
    expect(guestIds(chain)).toEqual([ids.b, ids.c, ids.d])
    expect(guestIds(chain, chain[2])).toEqual([ids.d])
    expect(guestIds(chain, chain[3])).toEqual([])
  })

  test('a ring ends, and everybody in it is a guest of everybody else', () => {
    const ring = [guest(ids.b, ids.c), guest(ids.c, ids.d), guest(ids.d, ids.b)]
    for (const one of ring) {
      const others = [ids.b, ids.c, ids.d].filter((id) => id !== one.id)
      expect(guestIds(ring, one).toSorted()).toEqual(others.toSorted())
    }
  })

  test('a forgotten guest that has ended does not hide a running one behind it', () => {
    const chain = [holder, guest(ids.b, ids.holder, { state: 'exited' }), guest(ids.c, ids.b)]
    const guests = networkSharing(chain).guestsOf(holder)
    expect(weighGuests(guests, ({ id }) => id === ids.b)).toEqual({ protecting: ids.c, ended: [ids.b] })
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
      expect(weighGuests([one], forgotten)).toEqual({ protecting: ids.b, ended: [] })
    },
  )

  test.each(['exited', 'dead'])('a guest in the state %j protects unless it is surely forgotten', (state) => {
    const one = guest(ids.b, ids.holder, { state })
    expect(hasEnded(one)).toBe(true)
    expect(weighGuests([one], forgotten)).toEqual({ protecting: undefined, ended: [ids.b] })
    expect(weighGuests([one], notForgotten)).toEqual({ protecting: ids.b, ended: [] })
  })

  test('one that counts among many that do not is enough, and the others are still named', () => {
    const guests = [
      guest(ids.b, ids.holder, { state: 'exited' }),
      guest(ids.c, ids.holder, { state: 'dead' }),
      guest(ids.d, ids.holder),
    ]
    expect(weighGuests(guests, forgotten)).toEqual({ protecting: ids.d, ended: [ids.b, ids.c] })
  })

  test('nobody protects where there is nobody', () => {
    expect(weighGuests([], notForgotten)).toEqual({ protecting: undefined, ended: [] })
  })
})
