import { describe, expect, it, onTestFinished } from 'vitest'
import { assign, createActor, createMachine } from 'xstate'
import { containerMachine, supervisorMachine } from '../../machines/index.ts'
import type { Inspector } from '../../src/inspector/index.ts'
import { presentAsIs, Presenter } from '../../src/inspector/present.ts'
import { policyOf, recordOf } from '../machines/support/container-chart.ts'
import { createHarness, type Harness } from '../support/harness.ts'
import { scan, type Message, openInspector, type Viewer } from './support/viewer.ts'

const secret = 'hunter2'

function watching(inspector: Inspector): Harness {
  const harness = createHarness({ inspect: inspector.inspect })
  onTestFinished(async () => {
    const stopped = harness.reconciler.stop()
    await harness.clock.advance(10_000)
    await stopped
  })
  return harness
}

const contextOf = ({ snapshot }: Message) =>
  (snapshot as { readonly context: Record<string, unknown> }).context
const valueOf = ({ snapshot }: Message) => (snapshot as { readonly value: unknown }).value
const statusOf = ({ snapshot }: Message) => (snapshot as { readonly status: string }).status
/** Actors of containers have names that people can read. */
const actorOf = ({ engine }: Harness, id: string) => `${engine.containers.get(id)?.name} ${id.slice(0, 12)}`
const settled = (viewer: Viewer, id: string, isSo: (message: Message) => boolean) =>
  viewer.until(() => {
    const standing = viewer.standing().get(id)
    return standing !== undefined && isSo(standing)
  })

describe('Flotsam’s own actors in a tab', () => {
  it('a tab that connects late sees every one of 1,000 containers with its verdict, and the supervisor above them', async () => {
    const inspector = await openInspector()
    const { engine, tracked, clock, reconciler } = watching(inspector)
    const ids = Array.from({ length: 1000 }, (_, at) => engine.add({ ageMs: 1000, name: `task-${at}` }).id)
    const nameOf = (at: number) => `task-${at} ${(ids[at] as string).slice(0, 12)}`
    for (const id of ids.slice(0, 500)) tracked.add(id)
    reconciler.start()
    await clock.advance(1000)
    const viewer = await scan(inspector)
    await viewer.until(() => viewer.standing().size >= 1002)
    const standing = viewer.standing()
    expect(ids.filter((_, at) => !standing.has(nameOf(at)))).toEqual([])
    expect(valueOf(standing.get(nameOf(0)) as Message)).toEqual({ classified: 'tracked' })
    expect(contextOf(standing.get(nameOf(999)) as Message)).toMatchObject({
      id: ids[999],
      listed: { name: 'task-999' },
      verdict: { verdict: 'graced', reason: 'creation-grace' },
    })
    expect(valueOf(standing.get('supervisor') as Message)).toEqual({
      running: {
        scanning: { idle: { resting: 'waiting' } },
        engine: { up: 'eventsDisabled' },
        verdicts: 'standing',
        tracker: 'asking',
      },
    })
    const actors = new Map(viewer.of('@xstate.actor').map((message) => [message['name'], message]))
    const [container, fleet, supervisor] = [nameOf(5), 'fleet', 'supervisor'].map((name) => actors.get(name))
    expect(container?.['parentId']).toBe(fleet?.sessionId)
    expect(fleet?.['parentId']).toBe(supervisor?.sessionId)
    expect(supervisor?.['parentId']).toBeUndefined()
    const definition = JSON.parse(String(container?.['definition'])) as { id: string; states: object }
    expect(Object.keys(definition.states)).toEqual(Object.keys(containerMachine.states))
  })

  it('follows a container to its end, and a tab that connects later receives nothing about it', async () => {
    const inspector = await openInspector()
    const harness = watching(inspector)
    const { engine, clock, reconciler } = harness
    const viewer = await scan(inspector)
    const name = actorOf(harness, engine.add({ ageMs: 3_600_000 }).id)
    reconciler.start()
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    await clock.advance(500)
    await settled(
      viewer,
      name,
      (message) => JSON.stringify(valueOf(message)) === '{"removing":{"backingOff":"quick"}}',
    )
    const failing = contextOf(viewer.standing().get(name) as Message)
    expect(failing).toMatchObject({ failures: 1, failure: { kind: 'refused', message: expect.any(String) } })
    engine.fault = () => undefined
    await clock.advance(5000)
    await settled(viewer, name, (message) => statusOf(message) === 'done')
    const end = viewer.standing().get(name) as Message
    expect(valueOf(end)).toBe('gone')
    expect(contextOf(end)).toMatchObject({ outcome: 'removed' })
    const late = await scan(inspector)
    await late.until(() => late.standing().has('supervisor'))
    expect(late.of('@xstate.actor').map(({ name }) => name)).toEqual(['supervisor', 'fleet', 'asking'])
  })

  it('labels, environment and secrets of containers leave the process in no message', async () => {
    const inspector = await openInspector()
    const { engine, clock, reconciler } = watching(inspector)
    const viewer = await scan(inspector)
    const { labels } = engine.add({ ageMs: 3_600_000, name: 'leak' })
    labels['com.example.password'] = secret
    engine.add({ ageMs: 3_600_000, labels: { ...labels, [secret]: 'x' } })
    reconciler.start()
    await clock.advance(1000)
    await viewer.until(() => [...viewer.standing().values()].some((message) => valueOf(message) === 'gone'))
    const late = await scan(inspector)
    await late.until(() => late.standing().has('supervisor'))
    for (const { messages } of [viewer, late]) {
      expect(messages.length).toBeGreaterThan(3)
      expect(JSON.stringify(messages)).not.toContain(secret)
    }
  })

  it('a parent’s snapshot holds none of its children', async () => {
    const inspector = await openInspector()
    const { engine, clock, reconciler } = watching(inspector)
    const { id } = engine.add({ ageMs: 1000 })
    reconciler.start()
    await clock.advance(1000)
    const viewer = await scan(inspector)
    await viewer.until(() => viewer.standing().size >= 3)
    for (const name of ['supervisor', 'fleet']) {
      expect(JSON.stringify(viewer.standing().get(name))).not.toContain(id)
    }
    expect(viewer.standing().get('supervisor')?.['snapshot']).toMatchObject({ children: {} })
  })

  it('stopping the reconciler notifies the tab of the end, and keeps nothing', async () => {
    const inspector = await openInspector()
    const { engine, clock, reconciler } = watching(inspector)
    for (let count = 0; count < 20; count++) engine.add({ ageMs: 1000 })
    const viewer = await scan(inspector)
    reconciler.start()
    await clock.advance(1000)
    await viewer.until(() => viewer.standing().size >= 22)
    const stopped = reconciler.stop()
    await clock.advance(10_000)
    await stopped
    await viewer.until(() =>
      [...viewer.standing().values()].every((message) => statusOf(message) !== 'active'),
    )
    const late = await scan(inspector)
    const other = createActor(createMachine({ id: 'other' }), { inspect: inspector.inspect })
    other.start()
    await late.until((messages) => messages.length > 0)
    expect(late.of('@xstate.actor').map(({ name }) => name)).toEqual(['other'])
    other.stop()
  })
})

describe('what is shown', () => {
  const subject = { actorId: 'an id', sessionId: 'x:0', machineId: 'container' }
  const present = new Presenter(presentAsIs)

  it('of Flotsam’s own contexts only what is listed, whatever is added to them', () => {
    for (const machine of [containerMachine, supervisorMachine]) {
      const snapshot = {
        status: 'active',
        value: 'a',
        context: { failures: 2, failedScans: 3, added: secret },
      }
      const shown = JSON.stringify(present.snapshot(snapshot, { config: machine.config, subject }))
      expect(shown).not.toContain(secret)
      expect(shown).toMatch(/"failures":2|"failedScans":3/)
    }
  })

  it('and everything that the charts contain now', () => {
    const container = createActor(containerMachine, {
      input: { id: 'i', policy: policyOf(), record: recordOf({ confirmedAs: undefined }) },
    })
    const shown = present.snapshot(container.getSnapshot(), { config: containerMachine.config, subject })
    const keys = Object.keys((shown as { context: object }).context)
    expect(keys.toSorted()).toEqual(Object.keys(container.getSnapshot().context).toSorted())
  })

  it('not what an actor was started with', () => {
    expect(present.event({ type: 'xstate.init', input: { name: secret } }, subject)).toEqual({
      type: 'xstate.init',
    })
  })

  it('of another’s machine, what `present` makes of it; the type of an event always', async () => {
    const asked: unknown[] = []
    const inspector = await openInspector({
      present: (value, { what, machineId, actorId }) => {
        asked.push([what, machineId, actorId])
        return what === 'context' ? { only: (value as { count: number }).count } : { hidden: true }
      },
    })
    const viewer = await scan(inspector)
    const machine = createMachine({
      id: 'counter',
      context: { count: 0, name: secret },
      on: { add: { actions: assign({ count: ({ context }) => context['count'] + 1 }) } },
      output: { secret },
    })
    const actor = createActor(machine, { id: 'one', inspect: inspector.inspect })
    actor.start()
    actor.send({ type: 'add', by: secret })
    await settled(viewer, 'one', (message) => contextOf(message)['only'] === 1)
    expect(viewer.standing().get('one')?.['event']).toEqual({ hidden: true, type: 'add' })
    expect(JSON.stringify(viewer.of('@xstate.snapshot'))).not.toContain(secret)
    expect(JSON.stringify(viewer.of('@xstate.event'))).not.toContain(secret)
    expect(asked).toContainEqual(['context', 'counter', 'one'])
    expect(asked).toContainEqual(['event', 'counter', 'one'])
    actor.stop()
  })

  it('nothing when `present` throws, rather than what it was to take out', async () => {
    const inspector = await openInspector({
      present: () => {
        throw new Error('cannot')
      },
    })
    const viewer = await scan(inspector)
    const actor = createActor(createMachine({ id: 'one', context: { name: secret } }), {
      id: 'one',
      inspect: inspector.inspect,
    })
    actor.start()
    await viewer.until(() => viewer.standing().has('one'))
    expect(contextOf(viewer.standing().get('one') as Message)).toEqual({ notShown: 'present threw: cannot' })
    expect(JSON.stringify(viewer.of('@xstate.snapshot'))).not.toContain(secret)
    expect(actor.getSnapshot().status).toBe('active')
    actor.stop()
  })
})

/** Every guard of the container's chart, saying no. */
