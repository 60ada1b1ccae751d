import { describe, expect, test } from 'vitest'
import type { KnownContainer } from '../../src/containers/known-container.ts'
import { RecentlyGone } from '../../src/containers/recently-gone.ts'
import { fakeId } from '../support/fake-engine.ts'

const known = (number: number, fields: Partial<KnownContainer> = {}) =>
  ({
    id: fakeId(number),
    listed: { state: 'running' },
    stop: undefined,
    firstSeenMs: number,
    newSinceMs: number,
    creationGraceEndsMs: number + 60,
    wasTracked: false,
    releaseGraceEndsMs: undefined,
    ...fields,
  }) as KnownContainer

describe('a container that a scan did not show', () => {
  test('is remembered until a scan lists it again', () => {
    const recentlyGone = new RecentlyGone()
    recentlyGone.remember(known(7, { stop: { failedAtMs: 5, startId: 3 } }))
    expect(recentlyGone.take(fakeId(8))).toBeUndefined()
    expect(recentlyGone.take(fakeId(7))).toEqual({
      stop: { failedAtMs: 5, startId: 3 },
      wasRemovalSent: false,
      firstSeenMs: 7,
      newSinceMs: 7,
      creationGraceEndsMs: 67,
      wasPaused: false,
      isVanishReported: false,
    })
    expect(recentlyGone.take(fakeId(7))).toBeUndefined()
  })

  test.each([[{ wasTracked: true }], [{ releaseGraceEndsMs: 9 }]])(
    'gets its full creation grace again if the agent tracked it in between: %j',
    (fields) => {
      const recentlyGone = new RecentlyGone()
      recentlyGone.remember(known(7, fields))
      expect(recentlyGone.take(fakeId(7))).toMatchObject({ stop: undefined, firstSeenMs: undefined })
    },
  )

  test('flat: only the last 4096 are remembered', () => {
    const recentlyGone = new RecentlyGone()
    for (let number = 0; number <= 4096; number++) recentlyGone.remember(known(number))
    recentlyGone.remember(known(1))
    recentlyGone.remember(known(5000))
    const kept = Array.from({ length: 4097 }, (_, number) => recentlyGone.take(fakeId(number)) !== undefined)
    expect(kept.filter(Boolean)).toHaveLength(4095)
    expect(kept.slice(0, 4)).toEqual([false, true, false, true])
  })
})
