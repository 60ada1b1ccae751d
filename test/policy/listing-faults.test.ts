import { describe, expect, test } from 'vitest'
import type { ContainerSummary } from '../../src/domain/container.ts'
import type { ListingFault } from '../../src/domain/verdict.ts'
import { ListingFaults } from '../../src/policy/listing-faults.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const [web, other, third] = [fakeId(1), fakeId(2), fakeId(3)]

const entry = (id: ContainerSummary['id'], ...names: readonly string[]) => summary({ id, names })
const unread = (id: ContainerSummary['id'], ...names: readonly string[]) => ({
  ...entry(id, ...names),
  unreadable: 'it is too large',
})

function faultsOf(listing: readonly ContainerSummary[]): Readonly<Record<string, ListingFault>> {
  const faults = new ListingFaults()
  for (const one of listing) faults.note(one)
  return Object.fromEntries(faults.found())
}

describe('exact-id: an id of a listing that may refer to more than one container', () => {
  test.each<[string, readonly ContainerSummary[], Readonly<Record<string, ListingFault>>]>([
    ['nothing is listed', [], {}],
    ['each entry has an id and a name of its own', [entry(web, 'web'), entry(other, 'other')], {}],
    ['a name is no id, or only a prefix of one', [entry(web, 'web'), entry(other, web.slice(0, 12))], {}],
    ['an entry without a name', [entry(web), entry(other)], {}],
    [
      'a name is the id of another one: it and its bearer',
      [entry(web, 'web'), entry(other, web), entry(third, 'third')],
      { [web]: 'id-is-a-name', [other]: 'id-is-a-name' },
    ],
    [
      'the same, whichever is listed first',
      [entry(other, web), entry(web, 'web')],
      { [web]: 'id-is-a-name', [other]: 'id-is-a-name' },
    ],
    [
      'a second name is the id of another one',
      [entry(web, 'web'), entry(other, 'other', web)],
      { [web]: 'id-is-a-name', [other]: 'id-is-a-name' },
    ],
    ['a name is the id of a container that is not listed', [entry(other, third)], {}],
    ['a name is the id of the container itself', [entry(web, web), entry(other, 'other')], {}],
    [
      'two have the id of the other as a name',
      [entry(web, other), entry(other, web)],
      { [web]: 'id-is-a-name', [other]: 'id-is-a-name' },
    ],
    [
      'one is listed twice, also in the same words',
      [entry(web, 'web'), entry(other, 'other'), entry(web, 'web')],
      { [web]: 'listed-twice' },
    ],
  ])('%s', (_, listing, expected) => {
    expect(faultsOf(listing)).toEqual(expected)
  })
})

describe('unknown-is-spared: an entry that cannot be read', () => {
  test.each<[string, readonly ContainerSummary[], Readonly<Record<string, ListingFault>>]>([
    ['is a fault of its own', [entry(web, 'web'), unread(other)], { [other]: 'entry-unreadable' }],
    [
      'may have a name that is known: the id of another one is ambiguous, and it cannot be read',
      [entry(web, 'web'), unread(other, web)],
      { [web]: 'id-is-a-name', [other]: 'entry-unreadable' },
    ],
    [
      'is listed twice, if another entry has its id',
      [unread(web), entry(web, 'web')],
      { [web]: 'listed-twice' },
    ],
  ])('%s', (_, listing, expected) => {
    expect(faultsOf(listing)).toEqual(expected)
  })
})
