import { describe, expect, it } from 'vitest'
import {
  type AnyActorRef,
  createActor,
  createMachine,
  fromCallback,
  fromPromise,
  fromTransition,
  type InspectionEvent,
} from 'xstate'
import { Presenter } from '../../src/inspector/present.ts'
import { type Session, Sessions } from '../../src/inspector/sessions.ts'

let presented = 0

function createSessions(bounds: { sessions?: number; events?: number } = {}): {
  readonly sessions: Sessions
  readonly inspect: (event: InspectionEvent) => void
} {
  presented = 0
  const presenter = new Presenter((value) => {
    presented++
    return value
  })
  const sessions = new Sessions({ sessions: 1000, events: 100, ...bounds, presenter })
  return { sessions, inspect: (event) => sessions.receive(event) }
}

function watch(sessions: Sessions): { readonly appeared: Session[]; readonly changed: string[] } {
  const seen = { appeared: [] as Session[], changed: [] as string[] }
  sessions.watch({
    appeared: (session) => void seen.appeared.push(session),
    changed: ({ actorRef, ending }) => void seen.changed.push(`${actorRef.id} ${ending ?? 'lives'}`),
    happened: () => {},
  })
  return seen
}

/** A family: as many children as wanted, each of which can turn, end and fail. */
const child = createMachine({
  id: 'child',
  initial: 'red',
  states: { red: { on: { turn: 'green' } }, green: { on: { turn: 'red' } }, ended: { type: 'final' } },
  on: {
    end: '.ended',
    fail: {
      actions: () => {
        throw new TypeError('no such light')
      },
    },
  },
})

function family(inspect: (event: InspectionEvent) => void): {
  readonly root: AnyActorRef & { start(): unknown; stop(): unknown }
  readonly have: (id: string) => AnyActorRef
  readonly lose: (actor: AnyActorRef) => void
} {
  let scope: { self: AnyActorRef; stopChild(child: AnyActorRef): void } | undefined
  const logic = fromTransition((count: number) => count + 1, 0)
  const root = createActor(
    { ...logic, start: (_snapshot, given) => void (scope = given as never) },
    { id: 'root', inspect },
  )
  root.start()
  return {
    root,
    have: (id) => {
      const actor = createActor(child, { id, parent: scope?.self as never })
      actor.start()
      return actor
    },
    lose: (actor) => scope?.stopChild(actor),
  }
}

const names = (sessions: Sessions) => [...sessions.living()].map(({ actorRef }) => actorRef.id)

describe('what is kept', () => {
  it('each live actor with its last snapshot, parents before their children', () => {
    const { sessions, inspect } = createSessions()
    const { have } = family(inspect)
    have('one').send({ type: 'turn' })
    have('two')
    expect(names(sessions)).toEqual(['root', 'one', 'two'])
    const shown = [...sessions.living()].map(
      (session) =>
        JSON.parse(sessions.actorText(session)) as { snapshot: { value: string }; parentId?: string },
    )
    expect(shown.map(({ snapshot }) => snapshot.value)).toEqual([undefined, 'green', 'red'])
    expect(shown.map(({ parentId }) => parentId !== undefined)).toEqual([false, true, true])
  })

  it.each([
    ['stopped', (actor: AnyActorRef, lose: (actor: AnyActorRef) => void) => lose(actor)],
    ['done', (actor: AnyActorRef) => actor.send({ type: 'end' })],
    ['error', (actor: AnyActorRef) => actor.send({ type: 'fail' })],
  ])('not one that ended as %s, which is reported once', (ending, end) => {
    const { sessions, inspect } = createSessions()
    const { have, lose } = family(inspect)
    const actor = have('one')
    const seen = watch(sessions)
    end(actor, lose)
    expect(names(sessions)).toEqual(['root'])
    expect(seen.changed.filter((reported) => reported.startsWith('one'))).toEqual([`one ${ending}`])
  })

  it.each([
    ['a machine', createMachine({})],
    ['a transition function', fromTransition(() => 0, 0)],
    ['a callback', fromCallback(() => {})],
    ['a promise', fromPromise(() => new Promise(() => {}))],
  ])('not a root that was stopped: %s', (_what, logic) => {
    const { sessions, inspect } = createSessions()
    const seen = watch(sessions)
    const root = createActor(logic as ReturnType<typeof createMachine>, { id: 'root', inspect })
    root.start()
    expect(sessions.size).toBe(1)
    root.stop()
    expect(sessions.size).toBe(0)
    expect(seen.changed.at(-1)).toBe('root stopped')
  })

  it('not a failed root, about which XState emits nothing: that is detected before any tab is served', () => {
    const { sessions, inspect } = createSessions()
    const root = createActor(child, { id: 'root', inspect })
    root.subscribe({ error: () => {} })
    root.start()
    const seen = watch(sessions)
    root.send({ type: 'fail' })
    expect(seen.changed).not.toContain('root error')
    sessions.settleAddressed()
    expect(seen.changed.at(-1)).toBe('root error')
    expect(sessions.size).toBe(0)
  })

  it('and without a tab, at the latest when one connects', () => {
    const { sessions, inspect } = createSessions()
    const root = createActor(child, { id: 'root', inspect })
    root.subscribe({ error: () => {} })
    root.start()
    root.send({ type: 'fail' })
    expect(sessions.size).toBe(1)
    sessions.settleAll()
    expect(sessions.size).toBe(0)
  })

  it('an error goes out as its name and message, with the event that led to it', () => {
    const { sessions, inspect } = createSessions()
    const root = createActor(child, { id: 'root', inspect })
    root.subscribe({ error: () => {} })
    root.start()
    watch(sessions)
    const [session] = [...sessions.living()] as [Session]
    root.send({ type: 'fail' })
    sessions.settleAddressed()
    expect(JSON.parse(sessions.snapshotText(session))).toMatchObject({
      event: { type: 'fail' },
      snapshot: { status: 'error', error: { name: 'TypeError', message: 'no such light' } },
    })
    expect(sessions.snapshotText(session)).not.toContain('sessions.test')
  })
})

describe('flat', () => {
  it('without a tab nothing is processed, and no event is kept in full', () => {
    const { sessions, inspect } = createSessions()
    const { have } = family(inspect)
    const actor = have('one')
    actor.send({ type: 'turn', weight: 'heavy' })
    expect(presented).toBe(0)
    const kept = Array.from({ length: sessions.recent.next }, (_, at) => sessions.recent.at(at))
    expect(kept.map((event) => event?.type)).toEqual(['xstate.init', 'xstate.init', 'turn'])
    expect(JSON.stringify(kept)).not.toContain('heavy')
    expect([...sessions.living()].map(({ cause }) => Object.keys(cause ?? {}))).toEqual([['type'], ['type']])
  })

  it('as many actors as the bound allows, the most recently changed; the others return when they change', () => {
    const { sessions, inspect } = createSessions({ sessions: 100 })
    const { have } = family(inspect)
    const actors = Array.from({ length: 1000 }, (_, at) => have(`light-${at}`))
    expect(sessions.size).toBeLessThanOrEqual(100)
    expect(sessions.size).toBeGreaterThan(90)
    expect(names(sessions)).toContain('root')
    expect(names(sessions)).toContain('light-999')
    expect(names(sessions)).not.toContain('light-0')
    actors[0]?.send({ type: 'turn' })
    expect(names(sessions)).toContain('light-0')
    expect(sessions.size).toBeLessThanOrEqual(100)
  })

  it('ended actors are dropped before live ones', () => {
    const { sessions, inspect } = createSessions({ sessions: 3 })
    const failed = createActor(child, { id: 'failed', inspect })
    failed.subscribe({ error: () => {} })
    failed.start()
    failed.send({ type: 'fail' })
    const { have } = family(inspect)
    have('one')
    have('two')
    expect(names(sessions)).toEqual(['root', 'one', 'two'])
  })

  it('over 20,000 actors that come and go, the end of each is reported to every tab that knew it', () => {
    const { sessions, inspect } = createSessions({ events: 50 })
    const { have, lose } = family(inspect)
    const seen = watch(sessions)
    for (let count = 0; count < 20_000; count++) lose(have('light'))
    expect(sessions.size).toBe(1)
    expect(seen.appeared).toHaveLength(20_000)
    expect(seen.changed.filter((reported) => reported === 'light stopped')).toHaveLength(20_000)
    expect(sessions.recent.next - sessions.recent.oldest).toBe(50)
  })

  it('a history of zero events keeps none', () => {
    const { sessions, inspect } = createSessions({ events: 0 })
    family(inspect)
    expect(sessions.recent.oldest).toBe(sessions.recent.next)
    expect(sessions.recent.at(0)).toBeUndefined()
  })
})
