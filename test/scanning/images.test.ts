import { describe, expect, test } from 'vitest'
import { createImageLabels } from '../../src/scanning/images.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine } from '../support/fake-engine.ts'

const { signal } = new AbortController()
const deadlineMs = 10_000
const image = (id: string, platform = '') => ({ id, platform })
const known = (labels: Record<string, string>) => ({ isKnown: true, labels })
const unknown = (kind: string, message = `imageLabels: ${kind}`) => ({
  isKnown: false,
  failure: { about: 'image', kind, message },
})
const unasked = { isKnown: false, failure: undefined }

function made() {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  engine.images.set('sha256:plain', {})
  engine.images.set('sha256:ours', { owner: 'me' })
  return { clock, engine, images: createImageLabels({ engine, clock, deadlineMs, marks: ['owner'] }) }
}

describe('own-label: each image is inspected once', () => {
  test('and remembered, even one without labels', async () => {
    const { engine, images } = made()
    expect(await images.of(image('sha256:ours'), signal)).toEqual(known({ owner: 'me' }))
    expect(await images.of(image('sha256:plain'), signal)).toEqual(known({}))
    expect(images.of(image('sha256:ours'), signal)).toEqual(known({ owner: 'me' }))
    expect(images.of(image('sha256:plain'), signal)).toEqual(known({}))
    expect(engine.count('imageLabels')).toBe(2)
  })

  test('even if a thousand containers of it are listed at once', async () => {
    const { engine, images } = made()
    await Promise.all(Array.from({ length: 1000 }, async () => images.of(image('sha256:ours'), signal)))
    expect(engine.count('imageLabels')).toBe(1)
  })

  test('for each platform, since one id may stand for the images of several', async () => {
    const { engine, images } = made()
    const asked: string[] = []
    const { imageLabels } = engine
    engine.imageLabels = (one, call) => {
      asked.push(one.platform)
      return imageLabels(one, call)
    }
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/amd64'])
      await images.of(image('sha256:ours', platform), signal)
    expect(asked).toEqual(['linux/amd64', 'linux/arm64'])
  })

  test('bounded-input: of its labels only those that decide who owns a container are kept', async () => {
    const { engine, images } = made()
    engine.images.set('sha256:large', { owner: 'me', text: 'x'.repeat(1_000_000) })
    expect(await images.of(image('sha256:large'), signal)).toEqual(known({ owner: 'me' }))
  })
})

describe('flat: beside the images of listed containers, a thousand are remembered', () => {
  async function readMany(from: number, count: number) {
    const { engine, images } = made()
    const ids = Array.from({ length: count }, (_, number) => `sha256:${from + number}`)
    for (const id of ids) {
      engine.images.set(id, { owner: id })
      await images.of(image(id), signal)
    }
    engine.images.clear()
    const isKnown = async (id: string) => (await images.of(image(id), signal)).isKnown
    return { ids, images, isKnown }
  }

  test('the oldest of the others are forgotten', async () => {
    const { images, isKnown } = await readMany(0, 1100)
    images.retain(() => [image('sha256:0'), image('sha256:1')])
    expect(await Promise.all(['0', '1', '2', '101', '102'].map((id) => isKnown(`sha256:${id}`)))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ])
  })

  test('none of a listed container is forgotten, however many there are: it may be gone', async () => {
    const { ids, images, isKnown } = await readMany(0, 1100)
    images.retain(() => ids.map((id) => image(id)))
    expect(await isKnown('sha256:0')).toBe(true)
    images.retain(() => [])
    expect(await isKnown('sha256:99')).toBe(false)
    expect(await isKnown('sha256:100')).toBe(true)
  })
})

describe('unknown-is-spared: labels that are unknown for now', () => {
  test('a container without an image id causes no request', () => {
    const { engine, images } = made()
    expect(images.of(image(''), signal)).toEqual(unasked)
    expect(engine.count('imageLabels')).toBe(0)
  })

  test.each([
    ['gone', 2000],
    ['refused', 2000],
    ['invalid-answer', 2000],
    ['misconfigured', 2000],
    ['unavailable', 2000],
  ] as const)('an engine that answers %s: unknown, and asked again after %d ms', async (kind, againMs) => {
    const { clock, engine, images } = made()
    engine.fault = () => kind
    expect(await images.of(image('sha256:ours'), signal)).toEqual(unknown(kind))
    engine.fault = () => undefined
    await clock.advance(againMs - 1)
    expect(images.of(image('sha256:ours'), signal)).toEqual(unknown(kind))
    expect(engine.count('imageLabels')).toBe(1)
    await clock.advance(1)
    expect(await images.of(image('sha256:ours'), signal)).toEqual(known({ owner: 'me' }))
  })

  test('requested with increasing backoff, up to a minute', async () => {
    const { clock, engine, images } = made()
    engine.fault = () => 'refused'
    const waits: number[] = []
    for (let failures = 1; failures <= 6; failures++) {
      await images.of(image('sha256:ours'), signal)
      const waitMs = images.untilAskedAgainMs() ?? Infinity
      waits.push(waitMs)
      await clock.advance(waitMs)
    }
    expect(waits).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000])
    engine.fault = () => undefined
    await images.of(image('sha256:ours'), signal)
    expect(images.untilAskedAgainMs()).toBeUndefined()
  })

  test('eventually-removed: an engine that always takes longer than the deadline is given more time', async () => {
    const { clock, engine, images } = made()
    const deadlines: number[] = []
    const { imageLabels } = engine
    engine.imageLabels = async (asked, call) => {
      deadlines.push(call.deadlineMs)
      return imageLabels(asked, call)
    }
    engine.fault = () => 'timed-out'
    for (let failures = 1; failures <= 5; failures++) {
      await images.of(image('sha256:ours'), signal)
      await clock.advance(60_000)
    }
    expect(deadlines.map((ms) => ms / deadlineMs)).toEqual([1, 2, 4, 5, 5])
  })

  test('an image that is no longer needed is no reason to scan', async () => {
    const { clock, engine, images } = made()
    engine.fault = () => 'refused'
    await images.of(image('sha256:ours'), signal)
    await clock.advance(2000)
    expect(images.untilAskedAgainMs()).toBeUndefined()
  })

  test('survives-outage: when the engine is back it is asked again at once', async () => {
    const { engine, images } = made()
    engine.fault = () => 'unavailable'
    await images.of(image('sha256:ours'), signal)
    engine.fault = () => undefined
    images.engineIsBack()
    expect(await images.of(image('sha256:ours'), signal)).toEqual(known({ owner: 'me' }))
  })

  test('the failure is attached to every answer that it spoils, and to no other', async () => {
    const { clock, engine, images } = made()
    engine.fault = (_, id) => (id === 'sha256:ours' ? 'gone' : undefined)
    const both = await Promise.all([1, 2].map(async () => images.of(image('sha256:ours'), signal)))
    expect(both).toEqual([unknown('gone'), unknown('gone')])
    await clock.advance(1000)
    expect(await images.of(image('sha256:plain'), signal)).toEqual(known({}))
    expect(images.of(image('sha256:ours'), signal)).toEqual(unknown('gone'))
    expect(engine.count('imageLabels', 'sha256:ours')).toBe(1)
  })

  test('an engine that never answers: unknown at the deadline', async () => {
    const { clock, engine, images } = made()
    engine.fault = () => 'hang'
    let labels: unknown = 'waiting'
    void Promise.resolve(images.of(image('sha256:ours'), signal)).then((answer) => (labels = answer))
    await clock.advance(deadlineMs - 1)
    expect(labels).toBe('waiting')
    await clock.advance(1)
    expect(labels).toEqual(unknown('timed-out', 'imageLabels: no answer'))
  })

  test('an aborted scan leaves nothing behind that a later scan would use', async () => {
    const { engine, images } = made()
    const scan = new AbortController()
    engine.fault = () => 'hang'
    const answer = images.of(image('sha256:ours'), scan.signal)
    scan.abort()
    expect(await answer).toEqual(unasked)
    engine.fault = () => undefined
    expect(await images.of(image('sha256:ours'), signal)).toEqual(known({ owner: 'me' }))
  })

  test('an internal error is reported as a failure too, and is no answer', async () => {
    const { engine, images } = made()
    engine.fault = () => async () => {
      throw new TypeError('boom')
    }
    expect(await images.of(image('sha256:ours'), signal)).toEqual(unknown('fault', 'boom'))
  })
})
