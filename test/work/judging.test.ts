import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type * as Judge from '../../src/policy/judge.ts'
import type * as Harness from '../support/harness.ts'

const judge = '../../src/policy/judge.ts'
const judgements = new Map<string, number>()

let createHarness: typeof Harness.createHarness
// the modules around the changed one are loaded again, and for this file alone
beforeAll(async () => {
  vi.resetModules()
  vi.doMock(judge, async (importOriginal) => {
    const original = await importOriginal<typeof Judge>()
    const counted: typeof original.judge = (evidence) => {
      const { id } = evidence.container
      judgements.set(id, (judgements.get(id) ?? 0) + 1)
      return original.judge(evidence)
    }
    return { ...original, judge: counted }
  })
  ;({ createHarness } = await import('../support/harness.ts'))
})
afterAll(() => {
  vi.doUnmock(judge)
  vi.resetModules()
})

const periodMs = 300_000
const count = 100

beforeEach(() => judgements.clear())

/** A hundred that the agent tracks. */
async function withTracked() {
  const harness = createHarness({ period: periodMs })
  const { clock, engine, reconciler, tracked } = harness
  for (let made = 0; made < count; made++) tracked.add(engine.add().id)
  reconciler.start()
  await clock.advance(1000)
  return harness
}

test('the first scan judges each', async () => {
  const { reconciler } = await withTracked()
  expect([...judgements.values()]).toEqual(Array.from({ length: count }, () => 1))
  await reconciler.stop()
})

test('a scan without changes judges no tracked container', async () => {
  const { clock, reconciler, of } = await withTracked()
  judgements.clear()
  await clock.advance(3 * periodMs)
  expect(of('scanned')).toHaveLength(4)
  expect(of('scanned').at(-1)).toMatchObject({ owned: count, tracked: count })
  expect(judgements.size).toBe(0)
  await reconciler.stop()
})

test('a scan judges what has changed, what the agent stopped tracking, and what is new, and none of the others', async () => {
  const { clock, engine, reconciler, tracked } = await withTracked()
  judgements.clear()
  const [changed, letGo] = [...engine.containers.values()]
  if (!changed || !letGo) throw new Error('unreachable: there are a hundred')
  changed.state = 'exited'
  tracked.delete(letGo.id)
  const added = engine.add()
  // The tracker is asked soon, and the scan is that of its answer.
  await clock.advance(5000)
  expect(Object.fromEntries(judgements)).toEqual({
    [changed.id]: 1,
    // the first one also to find out whether anything may be removed at all
    [letGo.id]: 2,
    [added.id]: 1,
  })
  await reconciler.stop()
})

test('an untracked container is judged at every scan, whether it has changed or not', async () => {
  const { clock, engine, reconciler } = await withTracked()
  const { id } = engine.add({ state: 'exited' })
  await clock.advance(periodMs)
  judgements.clear()
  await clock.advance(3 * periodMs)
  expect(Object.fromEntries(judgements)).toEqual({ [id]: 6 })
  await reconciler.stop()
})
