import { describe, expect, it } from 'vitest'
import type { Departure } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { lieIn, type Said } from './truth.ts'

const id = 'a'.repeat(64)
const departure = (life = 1): Departure => ({
  verb: 'remove',
  target: id,
  atMs: 1,
  life,
  wrong: undefined,
  isAheadOfAnswer: false,
})
const passage = (status: number | undefined, struckBy?: Passage['struckBy'], life = 1): Passage => ({
  method: 'DELETE',
  path: `/containers/${id}`,
  query: '',
  life,
  atMs: 1,
  struckBy,
  passedMs: 1,
  overMs: 1,
  status,
})
const removedByAnswer: Said = { word: 'removed', confirmedBy: 'answer', id, life: 1 }
const removedByScan: Said = { word: 'removed', confirmedBy: 'scan', id, life: 1 }
const vanished: Said = { word: 'vanished', id, life: 1 }

function lie(
  said: Said,
  passages: readonly Passage[],
  more: { departures?: readonly Departure[]; couldBeOthers?: boolean } = {},
) {
  return lieIn(said, { departures: passages.map(() => departure()), passages, couldBeOthers: false, ...more })
}

describe('truthful: "removed" by an answer', () => {
  const unconfirmed = 'no answer of the engine confirms it'

  it('is true if an answer that arrived confirms it', () => {
    expect(lie(removedByAnswer, [passage(204)])).toBeUndefined()
    expect(lie(removedByAnswer, [passage(500), passage(200, 'delays')])).toBeUndefined()
  })

  it.each([
    ['was refused', passage(409)],
    ['was not known', passage(404)],
    ['never came', passage(undefined, 'hangs-up')],
    ['was lost', passage(204, 'loses-answer')],
    ['was swallowed', passage(204, 'swallows-answer')],
  ])('is a lie where the answer %s', (_, one) => {
    expect(lie(removedByAnswer, [one])).toBe(unconfirmed)
  })
})

describe('truthful: "removed" by a scan', () => {
  it('is true if a removal was sent and its result never arrived', () => {
    expect(lie(removedByScan, [passage(204, 'loses-answer')])).toBeUndefined()
    expect(lie(removedByScan, [passage(undefined), passage(404)])).toBeUndefined()
    expect(lie(removedByScan, [], { departures: [departure()] })).toBeUndefined()
  })

  it('is a lie if the engine refused every removal', () => {
    expect(lie(removedByScan, [passage(500), passage(404)])).toBe('the engine refused every removal of it')
  })

  it('is a lie if this life sent none', () => {
    expect(lie(removedByScan, [])).toBe('no removal of it was ever sent')
    expect(lie(removedByScan, [passage(204, undefined, 2)], { departures: [departure(2)] })).toBe(
      'no removal of it was ever sent',
    )
  })
})

describe('truthful: "vanished"', () => {
  const ours = 'the engine carried its removal out, and no other client requested it'

  it('is true if nothing of ours removed it', () => {
    expect(lie(vanished, [])).toBeUndefined()
    expect(lie(vanished, [passage(409), passage(undefined)])).toBeUndefined()
  })

  it('is a lie if our removal was carried out, whether or not its answer arrived', () => {
    expect(lie(vanished, [passage(204)])).toBe(ours)
    expect(lie(vanished, [passage(204, 'loses-answer')])).toBe(ours)
  })

  it('is true if another life of ours removed it, or another client may have', () => {
    expect(lie(vanished, [passage(204, undefined, 2)])).toBeUndefined()
    expect(lie(vanished, [passage(204)], { couldBeOthers: true })).toBeUndefined()
  })
})
