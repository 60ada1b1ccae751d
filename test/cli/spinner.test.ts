import { expect, test } from 'vitest'
import { withSpinner } from '../../src/cli/spinner.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createTestWorld } from './support/cli-world.ts'

function slow(isTerminal: boolean, takesMs: number) {
  const clock = createFakeClock()
  const world = createTestWorld({ isTerminal, clock })
  const work = new Promise<string>((resolve) => clock.setTimeout(() => resolve('done'), takesMs))
  return { clock, world, waited: withSpinner('scanning', world, work) }
}

test('a wait over a second shows a spinner on a terminal, and leaves a clean line', async () => {
  const { clock, world, waited } = slow(true, 1500)
  await clock.advance(999)
  expect(world.err).toBe('')
  await clock.advance(300)
  expect(world.err).toBe('\r| scanning\r/ scanning\r- scanning')
  await clock.advance(1000)
  expect(await waited).toBe('done')
  expect(world.err.endsWith('\r\u001B[K')).toBe(true)
  expect([world.out, clock.pendingTimers]).toEqual(['', 0])
})

test.each([
  ['is quick', true, 900],
  ['is for no terminal', false, 5000],
])('what %s shows nothing', async (_, isTerminal, takesMs) => {
  const { clock, world, waited } = slow(isTerminal, takesMs)
  await clock.advance(10_000)
  expect(await waited).toBe('done')
  expect(world.err).toBe('')
})
