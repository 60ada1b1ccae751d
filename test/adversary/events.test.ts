import { expect, test } from 'vitest'
import { createHarness } from '../support/harness.ts'

const minute = 60_000

test('eventually-removed: the event stream is dropped when the engine answers nothing else while it is open', async () => {
  const { clock, engine, reconciler, of } = createHarness({ events: true })
  const { id } = engine.add()
  // A proxy, or an agent of the owner's, with one connection only.
  engine.fault = (verb) => (verb === 'list' && engine.listenerCount > 0 ? 'hang' : undefined)
  reconciler.start()
  await clock.advance(30 * minute)
  expect(of('removed').map((event) => event.id)).toEqual([id])
  expect(of('engineDown').length).toBeLessThan(20)
  await reconciler.stop()
  expect(engine.listenerCount).toBe(0)
})
