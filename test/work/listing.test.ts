import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createReconciler, type Reconciler } from '../../src/index.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'

const owner = { label: 'com.example.agent', value: 'agent-7' }
const labels = { [owner.label]: owner.value }
const sizes = [1, 100, 3000]
/** An engine whose wall clock stands: "Up 5 hours" is not "Up 6 hours" in the middle of a test. */
const clock = { ...systemClock, wallNow: () => Date.UTC(2026, 0, 15, 12) }

let engine: EmbeddedEngine
let reconciler: Reconciler

/** A reconciler that follows no events, so that its requests are its scans. */
async function begin(count: number): Promise<void> {
  engine = createEmbeddedEngine({ clock })
  for (let made = 0; made < count; made++) engine.containers.create({ name: `task-${made}`, labels })
  reconciler = createReconciler({
    owner,
    tracked: { has: () => true },
    engine: await engine.listen(),
    events: false,
  })
}

/** The same after its first scan. */
async function beginAndScan(count: number): Promise<void> {
  await begin(count)
  reconciler.start()
  await reconciler.scan()
}

afterEach(async () => {
  vi.restoreAllMocks()
  await reconciler.stop()
  await engine.close()
})

/** What one scan asked and what it parsed, in characters of JSON and in texts. */
async function scanOnce() {
  engine.requests.clear()
  const parse = vi.spyOn(JSON, 'parse')
  const { containers } = await reconciler.scan()
  const texts = parse.mock.calls.map(([text]) => text)
  parse.mockRestore()
  const [listing] = engine.requests.matching({ method: 'GET', path: '/containers/json' })
  return {
    found: containers.length,
    requests: engine.requests.total,
    bytes: listing?.bytes ?? Number.NaN,
    parsed: texts.reduce((sum, text) => sum + text.length, 0),
    texts: texts.length,
  }
}

test.each(sizes)('the first scan at %i containers parses every byte of one answer once', async (count) => {
  await begin(count)
  const { found, requests, bytes, parsed, texts } = await scanOnce()
  expect({ found, requests, texts }).toEqual({ found: count, requests: 1, texts: count })
  // all but the brackets, the commas between and the line's end
  expect(parsed).toBe(bytes - (count + 2))
})

test.each(sizes)('a scan at %i containers of which none has changed parses nothing', async (count) => {
  await beginAndScan(count)
  const { found, requests, parsed, texts } = await scanOnce()
  expect({ found, requests, parsed, texts }).toEqual({ found: count, requests: 1, parsed: 0, texts: 0 })
})

test.each(sizes)('a scan at %i containers parses what has changed, and nothing else', async (count) => {
  await beginAndScan(count)
  const [first] = engine.containers.list()
  engine.containers.pause(first?.id as string)
  engine.containers.create({ name: 'new', labels })
  expect(await scanOnce()).toMatchObject({ found: count + 1, requests: 1, texts: 2 })
})

test('a scan after one container has gone parses one of those that are left', async () => {
  await beginAndScan(100)
  engine.containers.remove(engine.containers.list()[50]?.id as string)
  expect(await scanOnce()).toMatchObject({ found: 99, requests: 1, texts: 1 })
})
