import { describe, expect, test } from 'vitest'

import type { Known } from '../../src/supervision/known.ts'
import { LeftOut } from '../../src/supervision/left-out.ts'
import { fakeId } from '../support/fake-engine.ts'

const known = (number: number, fields: Partial<Known> = {}) =>
  ({
    id: fakeId(number),
    endedByUs: false,
    firstSeenMs: number,
    wasTracked: false,
    releaseGraceEndsMs: undefined,
    ...fields,
  }) as Known

describe('a container that a look left out', () => {
  test('is remembered until a look shows it again', () => {
    const leftOut = new LeftOut()
    leftOut.remember(known(7, { endedByUs: true }))
    expect(leftOut.take(fakeId(8))).toBeUndefined()
    expect(leftOut.take(fakeId(7))).toEqual({ endedByUs: true, firstSeenMs: 7 })
    expect(leftOut.take(fakeId(7))).toBeUndefined()
  })

  test.each([[{ wasTracked: true }], [{ releaseGraceEndsMs: 9 }]])(
    'has all of its creation grace again where the agent tracked it in between: %j',
    (fields) => {
      const leftOut = new LeftOut()
      leftOut.remember(known(7, fields))
      expect(leftOut.take(fakeId(7))).toEqual({ endedByUs: false, firstSeenMs: undefined })
    },
  )

  test('flat: the last 4096 of them', () => {
    const leftOut = new LeftOut()
    for (let number = 0; number <= 4096; number++) leftOut.remember(known(number))
    leftOut.remember(known(1))
    leftOut.remember(known(5000))
    const kept = Array.from({ length: 4097 }, (_, number) => leftOut.take(fakeId(number)) !== undefined)
    expect(kept.filter(Boolean)).toHaveLength(4095)
    expect(kept.slice(0, 4)).toEqual([false, true, false, true])
  })
})
