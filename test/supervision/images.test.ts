import { describe, expect, test } from 'vitest'

import { createImageLabels } from '../../src/supervision/images.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine } from '../support/fake-engine.ts'

const { signal } = new AbortController()
const deadlineMs = 10_000

function made() {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  engine.images.set('sha256:plain', {})
  engine.images.set('sha256:ours', { owner: 'me' })
  return { clock, engine, images: createImageLabels(engine, clock, deadlineMs) }
}

describe('own-label: each image is looked at once', () => {
  test('and remembered, also one without labels', async () => {
    const { engine, images } = made()
    expect(await images.of('sha256:ours', signal)).toEqual({ owner: 'me' })
    expect(await images.of('sha256:plain', signal)).toEqual({})
    expect(images.of('sha256:ours', signal)).toEqual({ owner: 'me' })
    expect(images.of('sha256:plain', signal)).toEqual({})
    expect(engine.count('imageLabels')).toBe(2)
    expect(images.takeTrouble()).toBeUndefined()
  })

  test('also where a thousand containers of it are listed at once', async () => {
    const { engine, images } = made()
    await Promise.all(Array.from({ length: 1000 }, async () => images.of('sha256:ours', signal)))
    expect(engine.count('imageLabels')).toBe(1)
  })

  test('flat: no more than a thousand are remembered', async () => {
    const { engine, images } = made()
    const ids = Array.from({ length: 1001 }, (_, number) => `sha256:${number}`)
    for (const id of ids) {
      engine.images.set(id, { id })
      await images.of(id, signal)
    }
    expect(images.of('sha256:1000', signal)).toEqual({ id: 'sha256:1000' })
    expect(engine.count('imageLabels', 'sha256:0')).toBe(1)
    expect(await images.of('sha256:0', signal)).toEqual({ id: 'sha256:0' })
    expect(engine.count('imageLabels', 'sha256:0')).toBe(2)
  })
})

describe('unknown-is-spared: labels that cannot be known now', () => {
  test('a container without an image id asks nobody', () => {
    const { engine, images } = made()
    expect(images.of('', signal)).toBeUndefined()
    expect(engine.count('imageLabels')).toBe(0)
  })

  test.each(['gone', 'unavailable', 'refused', 'invalid-answer', 'misconfigured'] as const)(
    'an engine that answers %s: unknown, and asked again a minute later',
    async (kind) => {
      const { clock, engine, images } = made()
      engine.fault = () => kind
      expect(await images.of('sha256:ours', signal)).toBeUndefined()
      engine.fault = () => undefined
      await clock.advance(59_999)
      expect(images.of('sha256:ours', signal)).toBeUndefined()
      expect(engine.count('imageLabels')).toBe(1)
      await clock.advance(1)
      expect(await images.of('sha256:ours', signal)).toEqual({ owner: 'me' })
    },
  )

  test('one-line-per-change: the trouble is told once a look, and is not over while nobody asks again', async () => {
    const { clock, engine, images } = made()
    engine.fault = (_, id) => (id === 'sha256:ours' ? 'gone' : undefined)
    const trouble = { kind: 'gone', message: 'imageLabels: gone' }
    await Promise.all([1, 2].map(async () => images.of('sha256:ours', signal)))
    expect(images.takeTrouble()).toEqual(trouble)
    expect(images.takeTrouble()).toBeUndefined()
    await clock.advance(1000)
    await images.of('sha256:plain', signal)
    expect(images.takeTrouble()).toBeUndefined()
    expect(images.of('sha256:ours', signal)).toBeUndefined()
    expect(images.takeTrouble()).toEqual(trouble)
  })

  test('an engine that never answers: unknown at the deadline', async () => {
    const { clock, engine, images } = made()
    engine.fault = () => 'hang'
    let labels: unknown = 'waiting'
    void Promise.resolve(images.of('sha256:ours', signal)).then((answer) => (labels = answer))
    await clock.advance(deadlineMs - 1)
    expect(labels).toBe('waiting')
    await clock.advance(1)
    expect(labels).toBeUndefined()
    expect(images.takeTrouble()?.kind).toBe('timed-out')
  })

  test('a look that is given up leaves nothing behind that a later look would believe', async () => {
    const { engine, images } = made()
    const look = new AbortController()
    engine.fault = () => 'hang'
    const answer = images.of('sha256:ours', look.signal)
    look.abort()
    expect(await answer).toBeUndefined()
    engine.fault = () => undefined
    expect(await images.of('sha256:ours', signal)).toEqual({ owner: 'me' })
  })

  test('a fault of our own is a trouble too, and no answer', async () => {
    const { engine, images } = made()
    engine.fault = () => async () => {
      throw new TypeError('boom')
    }
    expect(await images.of('sha256:ours', signal)).toBeUndefined()
    expect(images.takeTrouble()).toEqual({ kind: 'fault', message: 'boom' })
  })
})
