import { expect, test } from 'vitest'
import { inSlices } from '../../src/domain/slices.ts'
import { askAboutAll } from '../../src/scanning/tracker-questions.ts'
import { createTracker } from '../../src/scanning/tracker.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

/** Counts the turns that are left to the host's own work; each item takes so long. */
function createWork(msPerItem: number) {
  const base = createFakeClock()
  let nowMs = 0
  let turns = 0
  const clock = {
    ...base,
    now: () => nowMs,
    breathe: async () => {
      turns++
      await base.breathe()
    },
  }
  return {
    clock,
    work: () => {
      nowMs += msPerItem
    },
    get turns() {
      return turns
    },
  }
}

const { signal } = new AbortController()
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

test('long work yields a turn to the host every 2 ms, or after 8 items', async () => {
  const counted = createWork(0.25)
  await inSlices(numbers(160), counted.clock, signal, counted.work)
  expect(counted.turns).toBe(20)
})

test('short work on a short list yields none; a long list yields one at its end, however quick it was', async () => {
  const short = createWork(0)
  await inSlices(numbers(511), short.clock, signal, short.work)
  expect(short.turns).toBe(0)
  const long = createWork(0)
  await inSlices(numbers(512), long.clock, signal, long.work)
  expect(long.turns).toBe(1)
})

test('a synchronous tracker is asked in the same turns as other work', async () => {
  const counted = createWork(0.25)
  const owned = numbers(160).map((number) => summary({ id: fakeId(20_000 + number) }))
  const has = () => {
    counted.work()
    return true
  }
  const tracker = createTracker({ has }, counted.clock, 2000)
  const answers = await askAboutAll(owned, { clock: counted.clock, tracker }, { signal })
  expect(answers).toEqual(owned.map(() => 'tracked'))
  expect(counted.turns).toBe(20)
})
