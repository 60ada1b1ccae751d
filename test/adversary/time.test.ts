import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

test('eventually-removed: a wall clock that jumps an hour every minute only delays removals', async () => {
  const { clock, engine, reconciler } = createHarness()
  const { id } = engine.add()
  reconciler.start()
  for (let minutes = 0; minutes < 20; minutes++) {
    await clock.advance(minute)
    clock.jumpWall(minutes % 2 ? 3_600_000 : -3_600_000)
  }
  expect(engine.containers.has(id)).toBe(false)
  await reconciler.stop()
})

test('honest-clock: an engine whose clock is an hour off at every other scan only delays removals', async () => {
  const { clock, engine, reconciler } = createHarness()
  reconciler.start()
  await clock.advance(1000)
  const { id } = engine.add()
  const flipEvery5s = async (times: number) => {
    for (let time = 0; time < times; time++) {
      engine.clockOffsetMs = engine.clockOffsetMs ? 0 : 3_600_000
      void reconciler.scan()
      await clock.advance(5000)
    }
  }
  await flipEvery5s(11)
  expect(engine.containers.has(id)).toBe(true)
  await flipEvery5s(4)
  expect(engine.containers.has(id)).toBe(false)
  await reconciler.stop()
})

test('eventually-removed: a process that repeatedly stalls for 2.9 s only delays removals', async () => {
  const { clock, engine, reconciler } = createHarness()
  const { id } = engine.add()
  reconciler.start()
  for (let times = 0; times < 200; times++) {
    await clock.stall(2900)
    await clock.advance(100)
  }
  expect(engine.containers.has(id)).toBe(false)
  await reconciler.stop()
})

type Step = {
  readonly does:
    | 'wait'
    | 'stall'
    | 'jump'
    | 'create'
    | 'register'
    | 'release'
    | 'scan'
    | 'engine fails'
    | 'engine returns'
  readonly ms: number
}

const steps = fc.array(
  fc.oneof(
    fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    fc.record({ does: fc.constant('stall' as const), ms: fc.integer({ min: 100, max: 20_000 }) }),
    fc.record({ does: fc.constant('jump' as const), ms: fc.integer({ min: -100_000, max: 100_000 }) }),
    fc.record({
      does: fc.constantFrom(
        ...(['create', 'register', 'release', 'scan', 'engine fails', 'engine returns'] as const),
      ),
      ms: fc.constant(0),
    }),
  ),
  { minLength: 5, maxLength: 40 },
)

const creationGraceMs = 10_000
/** What may have cut the last wait short, in the model's own time. */
const countingErrorMs = 250

/** Plays the steps, and gives every breach of a rule. */
async function play(
  script: readonly Step[],
  isLate: boolean,
): Promise<{ breaches: string[]; removals: number }> {
  const known = new Set<string>()
  const harness: Harness = createHarness({
    creationGrace: creationGraceMs,
    releaseGrace: '5s',
    period: '20s',
    tracked: {
      has: (id) =>
        isLate
          ? new Promise((resolve) => harness.clock.setTimeout(() => resolve(known.has(id)), 300))
          : known.has(id),
    },
  })
  const { clock, engine, reconciler } = harness
  const breaches: string[] = []
  const createdAtAwakeMs = new Map<string, number>()
  let awakeMs = 0
  let isDown = false
  let removals = 0
  let newest = ''
  engine.fault = (verb, id = '') => {
    if (verb === 'remove') {
      removals++
      const ageMs = awakeMs - (createdAtAwakeMs.get(id) ?? 0)
      if (known.has(id) && !isLate) breaches.push('fresh-scan: removed while tracked')
      if (ageMs < creationGraceMs - countingErrorMs) breaches.push(`awake-time: removed after ${ageMs} ms`)
    }
    return isDown ? 'unavailable' : undefined
  }
  const does: Readonly<Record<Step['does'], (ms: number) => unknown>> = {
    wait: async (ms) => {
      for (let leftMs = ms; leftMs > 0; leftMs -= countingErrorMs) {
        const partMs = Math.min(leftMs, countingErrorMs)
        await clock.advance(partMs)
        if (!isDown) awakeMs += partMs
      }
    },
    stall: async (ms) => {
      // Shorter ones are no stall.
      if (!isDown && ms <= creationGraceMs / 4) awakeMs += ms
      await clock.stall(ms)
    },
    jump: (ms) => clock.jumpWall(ms),
    create: () => {
      newest = engine.add().id
      createdAtAwakeMs.set(newest, awakeMs)
    },
    register: () => known.add(newest),
    release: () => known.clear(),
    scan: () => void reconciler.scan().catch(() => {}),
    'engine fails': async () => {
      isDown = true
      void reconciler.scan().catch(() => {})
      await clock.advance(1)
    },
    'engine returns': () => (isDown = false),
  }
  reconciler.start()
  for (const { does: name, ms } of script) await does[name](ms)
  const stopping = reconciler.stop()
  await clock.advance(6000)
  await stopping
  return { breaches, removals }
}

test('fresh-scan, awake-time: no order of creations, registrations, stalls, jumps and outages breaks them', async () => {
  let removals = 0
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (script, isLate) => {
      const played = await play(script, isLate)
      removals += played.removals
      expect(played.breaches).toEqual([])
    }),
    { numRuns: 300, seed: 42 },
  )
  expect(removals).toBeGreaterThan(20)
}, 60_000)
