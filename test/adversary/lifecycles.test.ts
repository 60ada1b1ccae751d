import { describe, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'
import { LifecycleError } from '../../src/domain/errors.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

describe('the actor is started and stopped by its host', () => {
  test('actor.start() is start()', async () => {
    const { clock, engine, events, reconciler } = createHarness()
    reconciler.actor.start()
    reconciler.actor.start()
    expect(reconciler.status().state).toBe('running')
    expect(() => reconciler.start()).toThrow(LifecycleError)
    await clock.advance(1000)
    expect(engine.count('list')).toBe(1)
    expect(events[0]?.type).toBe('started')
    await reconciler.stop()
    expect(clock.pendingTimers).toBe(0)
  })

  test.each<[string, (harness: Harness) => Promise<void> | void]>([
    ['stop() before the start', ({ reconciler }) => reconciler.stop()],
    ['actor.stop() before the start', ({ reconciler }) => reconciler.actor.stop()],
    [
      'stop()',
      ({ reconciler }) => {
        reconciler.start()
        return reconciler.stop()
      },
    ],
    [
      'actor.stop()',
      ({ reconciler }) => {
        reconciler.start()
        reconciler.actor.stop()
      },
    ],
  ])('%s: neither start() nor actor.start() begins again', async (_how, end) => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    engine.add()
    await end(harness)
    const before = engine.requests.length
    expect(reconciler.status().state).toBe('stopped')
    expect(() => reconciler.start()).toThrow(LifecycleError)
    expect(() => reconciler.actor.start()).toThrow(LifecycleError)
    await expect(reconciler.scan()).rejects.toThrow(LifecycleError)
    await clock.advance(10 * minute)
    expect(engine.requests.length).toBe(before)
    expect(clock.pendingTimers).toBe(0)
  })

  test('an explanation requested after the end uses its own engine client', async () => {
    const { clock, engine, reconciler } = createHarness({ tracked: { has: () => new Promise(() => {}) } })
    const { name } = engine.add({ ageMs: 3_600_000 })
    reconciler.start()
    await clock.advance(1000)
    reconciler.actor.stop()
    const explaining = reconciler.explain(name)
    await clock.advance(5000)
    expect((await explaining).reason).toBe('tracker-timed-out')
    expect(clock.pendingTimers).toBe(0)
  })

  test('an explanation requested before the start ends with stop()', async () => {
    const { clock, engine, reconciler } = createHarness()
    const { name } = engine.add()
    engine.fault = (verb) => (verb === 'list' ? 'hang' : undefined)
    const explaining = reconciler.explain(name).catch((error: unknown) => error)
    await clock.advance(10)
    await reconciler.stop()
    expect(await explaining).toBeInstanceOf(LifecycleError)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a listener ends everything', () => {
  const ends = {
    'stop()': ({ reconciler }: Harness) => void reconciler.stop(),
    'actor.stop()': ({ reconciler }: Harness) => reconciler.actor.stop(),
  }

  test.each(Object.entries(ends))('%s in a listener for `started`: no request leaves', async (_how, end) => {
    const harness = createHarness()
    const { clock, engine, reconciler } = harness
    reconciler.on('started', () => end(harness))
    reconciler.start()
    await clock.advance(minute)
    expect(engine.requests).toEqual([])
    expect(reconciler.status().state).toBe('stopped')
    expect(clock.pendingTimers).toBe(0)
  })

  test.each(Object.entries(ends))(
    '%s within the last question: that request does not leave',
    async (_how, end) => {
      let scanIsOver = false
      const harness: Harness = createHarness({
        tracked: {
          has: () => {
            if (scanIsOver) end(harness)
            return false
          },
        },
      })
      const { clock, engine, reconciler } = harness
      reconciler.on('scanned', ({ dangling }) => (scanIsOver = dangling > 0))
      for (let number = 0; number < 5; number++) engine.add()
      reconciler.start()
      await clock.advance(2 * minute)
      expect(scanIsOver).toBe(true)
      expect(engine.count('remove')).toBe(0)
      expect(clock.pendingTimers).toBe(0)
    },
  )

  /** An inspection callback sees everything there is; it ends everything at each thing in turn. */
  test.each(Object.entries(ends))('%s in an inspection callback, at any moment', async (_how, end) => {
    let moments = Infinity
    for (let at = 0; at < moments; at++) {
      let seen = 0
      let before = 0
      const running = new Map<string, AnyActorRef>()
      let harness: Harness | undefined
      const inspect = ({ actorRef }: { readonly actorRef: unknown }) => {
        const actor = actorRef as AnyActorRef
        running.set(actor.sessionId, actor)
        if (seen++ !== at) return
        before = harness?.engine.count('remove') ?? 0
        if (harness) end(harness)
        // The first ones are seen while there is nothing but the actor itself.
        else (actor._parent ?? actor).stop()
      }
      harness = createHarness({ events: true, inspect: inspect as never })
      const { clock, engine, reconciler } = harness
      for (let number = 0; number < 3; number++) engine.add({ ageMs: 3_600_000 })
      try {
        reconciler.start()
      } catch (error) {
        expect(error).toBeInstanceOf(LifecycleError)
      }
      await clock.advance(2000)
      if (seen <= at) {
        moments = at
        end(harness)
        before = engine.count('remove')
      }
      await clock.advance(10_000)
      expect([at, engine.count('remove')]).toEqual([at, before])
      expect([at, clock.pendingTimers, engine.listenerCount]).toEqual([at, 0, 0])
      const left = [...running.values()].filter(
        (actor) => (actor as unknown as { _processingStatus: number })._processingStatus === 1,
      )
      expect([at, left.map(({ id }) => id)]).toEqual([at, []])
    }
    expect(moments).toBeLessThan(Infinity)
    expect(moments).toBeGreaterThan(50)
  })
})

test('a child of the fleet that throws is replaced, and leaves neither an actor nor a timer behind', async () => {
  const actors = new Map<string, AnyActorRef>()
  const { clock, engine, reconciler, of } = createHarness({
    beforeRemove: () => new Promise(() => {}),
    inspect: ({ actorRef }) => void actors.set(actorRef.sessionId, actorRef as AnyActorRef),
  })
  const { id } = engine.add({ ageMs: 3_600_000 })
  reconciler.start()
  await clock.advance(1000)
  const isRunning = (actor: AnyActorRef) =>
    (actor as unknown as { _processingStatus: number })._processingStatus === 1
  const running = (name: string) =>
    [...actors.values()].filter((actor) => actor.id.endsWith(name) && isRunning(actor))
  const [faulty] = running(id.slice(0, 12))
  expect(running('hook')).toHaveLength(1)
  Object.defineProperty(faulty, 'logic', {
    value: {
      transition: () => {
        throw new Error('a fault inside')
      },
    },
  })
  engine.containers.delete(id)
  void reconciler.scan()
  await clock.advance(1000)
  expect(of('degraded').map(({ message }) => message)).toEqual([
    expect.stringMatching(/is dangling, and has\(id\) has not returned true for any container yet/),
    `container ${id.slice(0, 12)}: a fault inside`,
  ])
  expect(running('hook')).toEqual([])
  // another one has its record, and the next scan misses it
  expect(running(id.slice(0, 12))).toHaveLength(1)
  void reconciler.scan()
  await clock.advance(1000)
  expect(running(id.slice(0, 12))).toEqual([])
  await reconciler.stop()
  expect(clock.pendingTimers).toBe(0)
})
