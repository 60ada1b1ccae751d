import { describe, expect, test } from 'vitest'

import { EndedByUs } from '../../src/supervision/ended-by-us.ts'
import { fakeId } from '../support/fake-engine.ts'

describe('containers that a removal of ours may have ended', () => {
  test('are remembered until a look shows them again', () => {
    const ended = new EndedByUs()
    ended.remember(fakeId(1))
    expect([ended.take(fakeId(2)), ended.take(fakeId(1)), ended.take(fakeId(1))]).toEqual([
      false,
      true,
      false,
    ])
  })

  test('flat: a thousand of them, the latest', () => {
    const ended = new EndedByUs()
    for (let number = 0; number <= 1000; number++) ended.remember(fakeId(number))
    ended.remember(fakeId(1))
    ended.remember(fakeId(5000))
    const kept = Array.from({ length: 1001 }, (_, number) => ended.take(fakeId(number)))
    expect(kept.filter(Boolean)).toHaveLength(999)
    expect([kept[0], kept[1], kept[2], ended.take(fakeId(5000))]).toEqual([false, true, false, true])
  })
})
