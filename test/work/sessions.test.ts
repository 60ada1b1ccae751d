import { expect, test } from 'vitest'
import { createReconciler, type Reconciler } from '../../src/index.ts'
import { createEmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { memoryLeases, sessionId, sessionIn } from '../support/memory-leases.ts'
import { oldMs } from './census.ts'

const label = 'com.example.agent'
const leaks = 100
const minute = 60_000

/** What so many reconcilers request, each with a session of its own, to remove the containers of one that has ended. */
async function requestsOf(count: number) {
  const clock = createFakeClock()
  const engine = createEmbeddedEngine({ clock })
  const address = await engine.listen()
  const leases = memoryLeases()
  leases.list = async () => [...leases.held]
  const ended = { labels: { [label]: sessionId(999) }, createdAtMs: clock.wallNow() - oldMs }
  for (let made = 0; made < leaks; made++) engine.containers.create(ended)
  const reconcilers = Array.from({ length: count }, (_, number): Reconciler => {
    const session = sessionIn(leases, sessionId(number))
    return createReconciler(
      { owner: { label, session }, tracked: new Set<string>(), engine: address, restoreGrace: 0 },
      { clock },
    )
  })
  // All at once, so that only their turns are between them.
  for (const reconciler of reconcilers) reconciler.start()
  await clock.advance(5 * minute)
  expect(engine.containers.size).toBe(0)
  const stopped = Promise.all(reconcilers.map(async (reconciler) => reconciler.stop()))
  await clock.advance(6000)
  await stopped
  const number = (method: string, path: RegExp) => engine.requests.matching({ method, path }).length
  const made = {
    inspections: number('GET', /^\/containers\/[0-9a-f]{64}\/json$/),
    stops: number('POST', /^\/containers\/[0-9a-f]{64}\/stop$/),
    removals: number('DELETE', /^\/containers\//),
  }
  await engine.close()
  return made
}

test('live-session: ten reconcilers remove what an ended session left with the requests of one, since they take turns', async () => {
  const one = await requestsOf(1)
  const ten = await requestsOf(10)
  expect(one.removals).toBe(leaks)
  expect(one.inspections).toBeGreaterThanOrEqual(leaks)
  const total = (made: typeof one) => made.inspections + made.stops + made.removals
  expect(total(ten)).toBeLessThanOrEqual(1.1 * total(one))
}, 120_000)
