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
  status,
})
const removedByAnswer: Said = { word: 'removed', confirmedBy: 'answer', id, life: 1 }
const removedByLook: Said = { word: 'removed', confirmedBy: 'look', id, life: 1 }
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

  it('is true where an answer that came through confirms it', () => {
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

describe('truthful: "removed" by a look', () => {
  it('is true where a removal was sent and nobody heard what became of it', () => {
    expect(lie(removedByLook, [passage(204, 'loses-answer')])).toBeUndefined()
    expect(lie(removedByLook, [passage(undefined), passage(404)])).toBeUndefined()
    expect(lie(removedByLook, [], { departures: [departure()] })).toBeUndefined()
  })

  it('is a lie where the engine refused every removal', () => {
    expect(lie(removedByLook, [passage(500), passage(404)])).toBe('the engine refused every removal of it')
  })

  it('is a lie where this life sent none', () => {
    expect(lie(removedByLook, [])).toBe('no removal of it was ever sent')
    expect(lie(removedByLook, [passage(204, undefined, 2)], { departures: [departure(2)] })).toBe(
      'no removal of it was ever sent',
    )
  })
})

describe('truthful: "vanished"', () => {
  const ours = 'the engine carried its removal out, and nobody else asked for it'

  it('is true where nothing of ours removed it', () => {
    expect(lie(vanished, [])).toBeUndefined()
    expect(lie(vanished, [passage(409), passage(undefined)])).toBeUndefined()
  })

  it('is a lie where our removal was carried out, heard or not', () => {
    expect(lie(vanished, [passage(204)])).toBe(ours)
    expect(lie(vanished, [passage(204, 'loses-answer')])).toBe(ours)
  })

  it('is true where another life of ours removed it, or somebody else may have', () => {
    expect(lie(vanished, [passage(204, undefined, 2)])).toBeUndefined()
    expect(lie(vanished, [passage(204)], { couldBeOthers: true })).toBeUndefined()
  })
})
