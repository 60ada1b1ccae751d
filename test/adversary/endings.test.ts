import { describe, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'
import { LifecycleError } from '../../src/domain/errors.ts'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

type Watched = Harness & { readonly running: () => readonly string[] }

/** A harness that knows which actors of its system run. */
function createWatched(options: Partial<ReconcilerOptions> = {}): Watched {
  const actors = new Map<string, AnyActorRef>()
  const inspect = ({ actorRef }: { readonly actorRef: AnyActorRef }) =>
    void actors.set(actorRef.sessionId, actorRef)
  const harness = createHarness({ ...options, inspect: inspect as never })
  const isRunning = (actor: AnyActorRef) =>
    (actor as unknown as { readonly _processingStatus: number })._processingStatus === 1
  const running = () => [...actors.values()].filter(isRunning).map(({ id }) => id)
  return { ...harness, running }
}

interface Moment {
  readonly options?: Partial<ReconcilerOptions>
  /** Leads up to the moment; returns what a host or an engine does after it, to prove that it has no effect. */
  readonly lead: (harness: Watched) => Promise<() => void>
}

let answer: (isTracked: boolean) => void = () => {}
let approve: (isApproved: boolean) => void = () => {}

const moments: Readonly<Record<string, Moment>> = {
  'while scanning': {
    lead: async ({ clock, engine, reconciler }) => {
      let give = () => {}
      engine.add()
      engine.fault = (verb) =>
        verb === 'list'
          ? () =>
              new Promise((resolve) => {
                give = () => resolve({ containers: [], engineNowMs: undefined, bytes: 0 })
              })
          : undefined
      reconciler.start()
      await clock.advance(100)
      expect(engine.count('list')).toBe(1)
      return () => give()
    },
  },
  'with removals queued': {
    options: { maxConcurrentRemovals: 1 },
    lead: async ({ clock, engine, reconciler }) => {
      for (let number = 0; number < 5; number++) engine.add()
      let give = () => {}
      engine.fault = (verb) =>
        verb === 'remove' ? () => new Promise<void>((resolve) => (give = resolve)) : undefined
      reconciler.start()
      await clock.advance(61_000)
      expect(reconciler.status().removals).toMatchObject({ queued: 4, underWay: [{}] })
      return () => give()
    },
  },
  'at the hook': {
    options: { beforeRemove: () => new Promise<boolean>((resolve) => (approve = resolve)) },
    lead: async ({ clock, engine, reconciler }) => {
      engine.add()
      reconciler.start()
      await clock.advance(61_000)
      expect(reconciler.status().removals.underWay).toHaveLength(1)
      return () => approve(true)
    },
  },
  'in the last question': {
    lead: async () => {
      throw new Error('made again for each test')
    },
  },
  'with the request out': {
    lead: async ({ clock, engine, reconciler }) => {
      engine.add()
      engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
      reconciler.start()
      await clock.advance(61_000)
      expect(engine.count('remove')).toBe(1)
      return () => {}
    },
  },
  'while it is given time to end': {
    options: { stopTimeout: '10s' },
    lead: async ({ clock, engine, reconciler }) => {
      engine.add()
      let give = () => {}
      engine.fault = (verb) =>
        verb === 'stop' ? () => new Promise<void>((resolve) => (give = resolve)) : undefined
      reconciler.start()
      await clock.advance(61_000)
      expect(engine.count('stop')).toBe(1)
      return () => give()
    },
  },
  'while backing off': {
    lead: async ({ clock, engine, reconciler, of }) => {
      engine.add()
      engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
      reconciler.start()
      await clock.advance(61_000)
      expect(of('removeFailed')).not.toHaveLength(0)
      return () => (engine.fault = () => undefined)
    },
  },
  'during an outage': {
    lead: async ({ clock, engine, reconciler }) => {
      engine.add()
      engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
      reconciler.start()
      await clock.advance(61_000)
      engine.fault = () => 'unavailable'
      void reconciler.scan().catch(() => {})
      await clock.advance(1000)
      expect(reconciler.status().engine.health).toBe('down')
      return () => (engine.fault = () => undefined)
    },
  },
  'while events are followed': {
    options: { events: true },
    lead: async ({ clock, engine, reconciler }) => {
      const { id } = engine.add()
      reconciler.start()
      await clock.advance(100)
      expect(engine.listenerCount).toBe(1)
      return () => engine.emit('die', { id })
    },
  },
}

/** A tracker that answers a scan at once and thinks about the last question. */
function thinksLast() {
  let isOver = false
  return {
    scanIsOver: () => (isOver = true),
    tracked: { has: () => (isOver ? new Promise<boolean>((resolve) => (answer = resolve)) : false) },
  }
}

function momentNamed(name: string): Moment {
  if (name !== 'in the last question') return moments[name] as Moment
  const { scanIsOver, tracked } = thinksLast()
  return {
    options: { tracked },
    lead: async ({ clock, engine, reconciler }) => {
      reconciler.on('scanned', ({ dangling }) => dangling > 0 && scanIsOver())
      engine.add()
      reconciler.start()
      await clock.advance(60_900)
      expect(reconciler.status().removals.underWay).toHaveLength(1)
      expect(engine.count('remove')).toBe(0)
      return () => answer(false)
    },
  }
}

/** The supervisor fails at the next event that it is sent. */
function crash({ reconciler }: Harness): void {
  const supervisor = reconciler.actor as unknown as { readonly logic: { readonly transition: unknown } }
  const fails = () => {
    throw new Error('a fault inside')
  }
  Object.defineProperty(supervisor, 'logic', {
    value: Object.assign(Object.create(supervisor.logic) as object, { transition: fails }),
  })
  reconciler.actor.send({ type: 'scan.requested' })
}

const atOnce = {
  'the supervisor fails': crash,
  'a host stops the actor': ({ reconciler }: Harness) => reconciler.actor.stop(),
}

describe.each(Object.entries(atOnce))('quiet-stop: %s, and everything ends at once', (_what, end) => {
  test.each(Object.keys(moments))('%s', async (name) => {
    const { options, lead } = momentNamed(name)
    const harness = createWatched(options)
    const { clock, engine, events, reconciler, running } = harness
    const goOn = await lead(harness)
    const waiting = [reconciler.scan(), reconciler.explain('task')].map((answered) =>
      answered.then(
        () => 'answered',
        (error: unknown) => error,
      ),
    )
    expect(running()).toContain('supervisor')
    const before = engine.requests.length
    end(harness)
    const reported = events.length
    expect(running()).toEqual([])
    // Pending calls are aborted: the fake engine clears its own timer when its caller does.
    expect(clock.pendingTimers).toBe(0)
    expect(await Promise.all(waiting)).toEqual([expect.any(LifecycleError), expect.any(LifecycleError)])
    goOn()
    await clock.advance(10 * minute)
    expect(engine.requests.slice(before)).toEqual([])
    expect(events.slice(reported)).toEqual([])
    expect(running()).toEqual([])
    expect(engine.listenerCount).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    expect(harness.holds).toBe(0)
    expect(reconciler.status()).toMatchObject({
      state: 'stopped',
      engine: { health: 'unknown', followsEvents: false },
      removals: { queued: 0, underWay: [] },
    })
    await expect(reconciler.scan()).rejects.toThrow(LifecycleError)
    expect(() => reconciler.start()).toThrow(LifecycleError)
    await reconciler.stop()
  })
})

describe('quiet-stop: stop(), and everything ends within its settle time', () => {
  test.each(Object.keys(moments))('%s', async (name) => {
    const { options, lead } = momentNamed(name)
    const harness = createWatched(options)
    const { clock, engine, events, reconciler, running } = harness
    await lead(harness)
    const before = engine.requests.length
    const stopping = reconciler.stop()
    await clock.advance(6000)
    await stopping
    expect(running()).toEqual([])
    expect(clock.pendingTimers).toBe(0)
    expect(engine.requests.slice(before)).toEqual([])
    expect(events.at(-1)?.type).toBe('stopped')
    expect(harness.holds).toBe(0)
  })

  test('it is no answer of the engine: nothing that waits for one is notified that the engine is back', async () => {
    const received: string[] = []
    const harness = createHarness({
      inspect: ({ type, ...rest }) => {
        if (type === '@xstate.event') received.push((rest as { event: { type: string } }).event.type)
      },
    })
    await moments['during an outage']?.lead({ ...harness, running: () => [] })
    received.length = 0
    const stopping = harness.reconciler.stop()
    await harness.clock.advance(6000)
    await stopping
    expect(received).toContain('stop')
    expect(received).not.toContain('engineBack')
  })
})
