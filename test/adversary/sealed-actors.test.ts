import { describe, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'
import type { ContainerEvent, ContainerOutput } from '../../machines/container.machine.ts'
import type { SupervisorEvent, ToFleet } from '../../machines/supervisor.machine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

type Exposed = Harness & {
  /** Every actor that an inspection callback was ever given. */
  readonly actors: Map<string, AnyActorRef>
}

function createExposed(...[options, whenSeen]: [object?, ((actor: AnyActorRef) => void)?]): Exposed {
  const actors = new Map<string, AnyActorRef>()
  const inspect = ({ actorRef, type }: { readonly type: string; readonly actorRef: AnyActorRef }) => {
    if (type !== '@xstate.actor') return
    actors.set(actorRef.id, actorRef)
    whenSeen?.(actorRef)
  }
  return { ...createHarness({ ...options, inspect: inspect as never }), actors }
}

/** The actor whose id ends so; a missing one fails the test, which would prove nothing without it. */
function actorIn(actors: ReadonlyMap<string, AnyActorRef>, end: string): AnyActorRef {
  const found = [...actors].find(([id]) => id.endsWith(end))
  if (!found) throw new Error(`no actor ${end} among ${[...actors.keys()].join(', ')}`)
  return found[1]
}

/** Containers' actors have the short id last in their own. */
const containerIn = (actors: ReadonlyMap<string, AnyActorRef>, id: string) => actorIn(actors, id.slice(0, 12))

const failure = { kind: 'unavailable', message: 'forged' }

const supervisorEvents: readonly SupervisorEvent[] = [
  { type: 'engine.listed', scan: 99, atMs: 100, awakeMs: 100, stoodStill: false },
  { type: 'engine.failed', failure, atMs: 100 },
  { type: 'removals.changed', inFlight: 7 },
  { type: 'degraded', about: 'hook', kind: 'hook-failed', message: 'forged', atMs: 100 },
]

const lies = [
  ...supervisorEvents,
  { type: 'xstate.error.actor.scan', error: new Error('forged'), actorId: 'scan' },
  { type: 'xstate.error.actor.fleet', error: new Error('forged'), actorId: 'fleet' },
  { type: 'xstate.stop' },
]

describe('nothing that a host can reach accepts an internal event', () => {
  test.each(lies.map((lie) => [lie.type, lie] as const))('the supervisor: %s', async (_type, lie) => {
    const { clock, engine, events, reconciler } = createExposed()
    engine.fault = () => 'unavailable'
    reconciler.start()
    await clock.advance(100)
    const before = [reconciler.status(), events.length]
    expect(reconciler.status().engine.health).toBe('down')
    reconciler.actor.send(lie as never)
    // @ts-expect-error: its type offers commands alone
    reconciler.actor.send({ type: 'engine.listed' })
    await clock.advance(1)
    expect([reconciler.status(), events.length]).toEqual(before)
    expect(reconciler.actor.getSnapshot().status).toBe('active')
    await reconciler.stop()
  })

  test('a send function captured while the actor was being created', async () => {
    const sends: ((event: object) => void)[] = []
    const { clock, engine, reconciler } = createExposed({}, ({ send }) => {
      sends.push(send)
      for (const lie of lies) send(lie)
    })
    expect(sends.length).toBeGreaterThan(0)
    engine.fault = () => 'unavailable'
    reconciler.start()
    await clock.advance(100)
    for (const send of sends) for (const lie of lies) send(lie)
    await clock.advance(1)
    expect(reconciler.status().engine.health).toBe('down')
    expect(reconciler.status().engine.failure?.message).not.toBe('forged')
    await reconciler.stop()
  })

  test('a container is neither released, nor missed, nor admitted by an event from outside', async () => {
    const { actors, clock, engine, events, reconciler, tracked } = createExposed()
    const { id } = engine.add()
    tracked.add(id)
    reconciler.start()
    await clock.advance(minute)
    const reportedBefore = events.length
    const judgement = {
      verdict: { verdict: 'dangling', reason: 'untracked', endedGuests: () => [] },
      scan: 1,
      atMs: clock.now(),
      recheckMs: undefined,
    } as const
    const container = containerIn(actors, id)
    const name = container.id
    const before = container.getSnapshot()
    const toContainer: readonly ContainerEvent[] = [
      { type: 'judged', judgement },
      { type: 'admitted', judgement },
      { type: 'missed', isTracked: false },
      { type: 'disowned' },
    ]
    for (const event of [...toContainer, { type: 'xstate.stop' }]) container.send(event)
    expect(container.getSnapshot()).toBe(before)
    const toFleet: readonly ToFleet[] = [{ type: 'admit' }, { type: 'verdicts.expired' }]
    const gone: ContainerOutput = { outcome: 'removed', failures: 0, isByAnswer: true }
    for (const event of [
      ...toFleet,
      { type: `xstate.done.actor.${name}`, output: gone },
      { type: `xstate.error.actor.${name}`, error: new Error('forged') },
    ])
      actorIn(actors, 'fleet').send(event)
    expect(events.length).toBe(reportedBefore)
    expect(reconciler.status().containers).toMatchObject({ total: 1, byVerdict: { tracked: 1 } })
    await reconciler.stop()
  })

  test('the answer to a pending request cannot be given by a host', async () => {
    const { actors, clock, engine, reconciler, of } = createExposed()
    const { id } = engine.add()
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    reconciler.start()
    await clock.advance(61_000)
    expect(engine.count('remove', id)).toBe(1)
    actorIn(actors, 'removal').send({ type: 'xstate.promise.resolve', data: { answer: 'done' } })
    containerIn(actors, id).send({
      type: 'xstate.done.actor.removal',
      actorId: 'removal',
      output: { answer: 'done' },
    })
    await clock.advance(1)
    expect(of('removed')).toEqual([])
    expect(engine.containers.has(id)).toBe(true)
    const stopping = reconciler.stop()
    await clock.advance(minute)
    await stopping
  })

  test("the system's scheduler delivers no internal event either, nor does an observer of a host's own end it", async () => {
    const { actors, clock, engine, reconciler, of } = createExposed()
    engine.fault = () => 'unavailable'
    reconciler.start()
    await clock.advance(100)
    const { actor } = reconciler
    actor.system.inspect(() => {
      throw new Error("the host's own")
    })
    actor.send({ type: 'scan.requested' })
    const fleet = actorIn(actors, 'fleet')
    const [listed] = supervisorEvents as readonly [SupervisorEvent]
    actor.system.scheduler.schedule(fleet, actor, listed, 1, undefined)
    actor.system.scheduler.schedule(actor, actor, listed, 1, undefined)
    await clock.advance(100)
    expect(reconciler.status()).toMatchObject({ state: 'running', engine: { health: 'down' } })
    expect(of('degraded').map(({ message }) => message)).toEqual(["inspect: the host's own"])
    await reconciler.stop()
  })
})

describe('what a host may send to the supervisor', () => {
  test('scan.requested: a scan sooner than the next one is due', async () => {
    const { clock, engine, reconciler } = createHarness()
    reconciler.start()
    await clock.advance(10_000)
    expect(engine.count('list')).toBe(1)
    reconciler.actor.send({ type: 'scan.requested' })
    await clock.advance(100)
    expect(engine.count('list')).toBe(2)
    await reconciler.stop()
  })

  test('scan.requested, repeatedly: no more scans than the pause between them allows', async () => {
    const { clock, engine, reconciler } = createHarness()
    reconciler.start()
    for (let times = 0; times < 100; times++) {
      reconciler.actor.send({ type: 'scan.requested' })
      await clock.advance(10)
    }
    expect(engine.count('list')).toBeLessThanOrEqual(5)
    await reconciler.stop()
  })

  test('stop: the same as stop(), from that call on', async () => {
    let scanIsOver = false
    const harness: Harness = createHarness({
      tracked: {
        has: () => {
          if (scanIsOver) harness.reconciler.actor.send({ type: 'stop' })
          return false
        },
      },
    })
    const { clock, engine, events, reconciler } = harness
    reconciler.on('scanned', ({ dangling }) => (scanIsOver = dangling > 0))
    engine.add()
    reconciler.start()
    await clock.advance(2 * minute)
    expect(scanIsOver).toBe(true)
    expect(engine.count('remove')).toBe(0)
    expect(events.at(-1)?.type).toBe('stopped')
    expect(clock.pendingTimers).toBe(0)
  })
})
