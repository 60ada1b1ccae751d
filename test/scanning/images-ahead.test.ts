import { describe, expect, test } from 'vitest'
import { ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const day = 24 * 3_600_000
const imageId = `sha256:${'1a'.repeat(32)}`

/** A tracked container, at work since yesterday, of an image that the engine has. */
function track(harness: Harness, fields: Parameters<Harness['engine']['add']>[0] = {}): string {
  const { engine, tracked } = harness
  if (!engine.images.has(imageId)) engine.images.set(imageId, {})
  const { id } = engine.add({ ageMs: day, imageId, ...fields })
  tracked.add(id)
  return id
}

async function scanned(harness: Harness): Promise<Harness> {
  harness.reconciler.start()
  await harness.clock.advance(1000)
  return harness
}

/** The agent loses track of all of them, and their images are gone. */
async function lose({ clock, engine, tracked }: Harness): Promise<void> {
  engine.images.clear()
  tracked.clear()
  await clock.advance(3_600_000)
}

describe('eventually-removed: what was seen of an image while its container was tracked', () => {
  test('holds when the image is gone', async () => {
    const harness = createHarness()
    const id = track(harness)
    await scanned(harness)
    expect(harness.engine.count('imageLabels')).toBe(1)
    await lose(harness)
    expect(harness.of('removed').map((event) => event.id)).toEqual([id])
    expect(harness.engine.count('imageLabels')).toBe(1)
    await harness.reconciler.stop()
  })

  test('also that the label came with it', async () => {
    const harness = createHarness()
    harness.engine.images.set(imageId, { [ownerLabel]: ownerValue })
    const id = track(harness)
    await scanned(harness)
    await lose(harness)
    expect(harness.of('removed')).toEqual([])
    const report = harness.reconciler.scan()
    await harness.clock.advance(1000)
    expect((await report).containers).toMatchObject([{ id, verdict: 'spared', reason: 'label-from-image' }])
    await harness.reconciler.stop()
  })

  test.each<[string, Parameters<typeof track>[1]]>([
    ['is kept', { labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } }],
    ['names its image', { labels: { [ownerLabel]: ownerValue, [`${ownerLabel}.image`]: imageId } }],
    ['is foreign', { labels: {} }],
  ])('one that %s needs no inspection of it', async (_, fields) => {
    const harness = createHarness()
    track(harness, fields)
    await scanned(harness)
    expect(harness.engine.count('imageLabels')).toBe(0)
    await harness.reconciler.stop()
  })

  test('each image is inspected once, however many scans and containers', async () => {
    const harness = createHarness({ period: '10s' })
    for (let count = 0; count < 20; count++) track(harness)
    await scanned(harness)
    await harness.clock.advance(600_000)
    expect(harness.engine.count('imageLabels')).toBe(1)
    await harness.reconciler.stop()
  })
})

describe('images that cannot be inspected, on which nothing depends', () => {
  test('are no reason to warn, and are inspected again less and less often', async () => {
    const harness = createHarness({ period: '10s' })
    track(harness, { imageId: 'sha256:gone' })
    await scanned(harness)
    await harness.clock.advance(600_000)
    expect(harness.of('degraded')).toEqual([])
    expect(harness.engine.count('imageLabels')).toBeLessThan(20)
    await harness.reconciler.stop()
  })

  test('no-head-of-line: one that hangs delays neither a scan nor a removal', async () => {
    const harness = createHarness({ period: '10s' })
    track(harness, { imageId: 'sha256:hangs' })
    harness.engine.fault = (verb, id) =>
      verb === 'imageLabels' && id === 'sha256:hangs' ? 'hang' : undefined
    const leak = harness.engine.add({ ageMs: day })
    await scanned(harness)
    expect(harness.of('removed').map(({ id }) => id)).toEqual([leak.id])
    await harness.reconciler.stop()
  })

  test('a failure does not delay the inspection when a removal depends on it', async () => {
    const harness = createHarness({ period: '10s' })
    const id = track(harness)
    harness.engine.fault = (verb) => (verb === 'imageLabels' ? 'refused' : undefined)
    await scanned(harness)
    await harness.clock.advance(300_000)
    harness.engine.fault = () => undefined
    harness.tracked.clear()
    await harness.clock.advance(45_000)
    expect(harness.of('removed').map((event) => event.id)).toEqual([id])
    await harness.reconciler.stop()
  })

  test('survives-outage: during an outage only one is tried', async () => {
    const harness = createHarness()
    for (let number = 0; number < 50; number++) track(harness, { imageId: `sha256:${number}` })
    harness.engine.fault = (verb) => (verb === 'imageLabels' ? 'unavailable' : undefined)
    await scanned(harness)
    expect(harness.engine.count('imageLabels')).toBe(1)
    await harness.reconciler.stop()
  })

  test('quiet-stop: after the end none is inspected', async () => {
    const harness = createHarness()
    for (let number = 0; number < 50; number++) track(harness, { imageId: `sha256:${number}` })
    harness.engine.fault = (verb) => (verb === 'imageLabels' ? 'hang' : undefined)
    await scanned(harness)
    await harness.reconciler.stop()
    await harness.clock.advance(600_000)
    expect(harness.engine.count('imageLabels')).toBe(1)
  })

  test('scans without a history, which remember nothing, inspect none', async () => {
    const harness = createHarness()
    track(harness)
    await harness.reconciler.scan()
    expect(harness.engine.count('imageLabels')).toBe(0)
  })
})
