import { describe, expect, test } from 'vitest'
import { containerMachine } from '../../machines/index.ts'
import type { Census } from './census.ts'
import { type Flatness, judgeFlatness } from './flatness.ts'
import { liveThroughOutage } from './outage.ts'
import { bounds, Turnover, type TurnoverOptions } from './turnover.ts'

interface Soaked {
  readonly flatness: Flatness
  readonly turnover: Turnover
}

async function soak({
  containers,
  plant,
}: { containers: number } & Pick<TurnoverOptions, 'plant'>): Promise<Soaked> {
  const turnover = new Turnover({ population: 500, plant })
  const censuses: Census[] = []
  for (let part = 1; part <= 4; part++) {
    await turnover.liveUntil((containers / 4) * part)
    censuses.push(await turnover.takeCensus())
  }
  await turnover.stop()
  // The fewer containers there were, the more weighs on each what happens once, such as compiling.
  const allowed = { ...bounds, bytesPerContainer: 150 }
  return { flatness: judgeFlatness(censuses, allowed), turnover }
}

describe('flat', () => {
  test('15,000 containers come and go in every possible way, and nothing grows', async () => {
    const { flatness, turnover } = await soak({ containers: 15_000 })
    expect(flatness.grown).toEqual([])
    for (const name of [
      'removed',
      'vanished',
      'released',
      'lost',
      'removeFailed',
      'stuck',
      'spared',
    ] as const)
      expect(turnover.reported.get(name), name).toBeGreaterThan(0)
    for (const name of ['engineDown', 'engineUp', 'degraded', 'recovered', 'stalled'] as const)
      expect(turnover.reported.get(name), name).toBeGreaterThan(0)
  })
})

describe('a leak is found', () => {
  test('of one kilobyte per container', async () => {
    const kept: number[][] = []
    const { flatness } = await soak({
      containers: 2000,
      plant: () => kept.push(Array.from({ length: 128 }, () => Math.random())),
    })
    expect(kept.length).toBeGreaterThanOrEqual(2000)
    expect(flatness.grown.join()).toMatch(/^the heap grows by \d+\.\d bytes a container/)
  })

  test('of what is only counted', async () => {
    const parked = containerMachine.resolveState({ value: 'graced', context: {} as never })
    const plant: TurnoverOptions['plant'] = (id, { clock, reconciler }) => {
      clock.setTimeout(() => {}, 2 ** 31 - 1)
      // XState remembers every type of event for ever.
      const root = containerMachine.root as unknown as { next(state: unknown, event: object): unknown }
      root.next(parked, { type: `done.${id}` })
      reconciler.actor.subscribe(() => {})
      process.on('SIGUSR2', () => {})
    }
    const mostListeners = process.getMaxListeners()
    process.setMaxListeners(0)
    const { flatness } = await soak({ containers: 2000, plant })
    process.removeAllListeners('SIGUSR2').setMaxListeners(mostListeners)
    const grown = flatness.grown.join()
    expect(grown).toMatch(/timers on the clock grew from \d+ to \d+/)
    expect(grown).toMatch(/xstate: remembered event types grew from \d+ to \d+/)
    expect(grown).toMatch(/xstate: the supervisor's observers grew from \d+ to \d+/)
    expect(grown).toMatch(/listeners on the process grew from \d+ to \d+/)
  })
})

describe('one-line-per-change', () => {
  test.each(['unavailable', 'hang'] as const)(
    'a day of outage (%s) with 500 known containers costs fewer than 40 lines',
    async (fault) => {
      const { lines, failedScans, removedAfterwards } = await liveThroughOutage(fault)
      expect(lines).toBeLessThan(40)
      expect(failedScans).toBeGreaterThan(500)
      expect(removedAfterwards).toBe(250)
    },
  )
})
