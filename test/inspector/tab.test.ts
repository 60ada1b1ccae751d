import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { type AnyActorRef, createActor, fromTransition } from 'xstate'
import { Presenter, presentAsIs } from '../../src/inspector/present.ts'
import { Sessions } from '../../src/inspector/sessions.ts'
import { Tab } from '../../src/inspector/tab.ts'

const open = 1

/** A connection that takes in only what the test lets it. */
class SlowConnection extends EventEmitter {
  readonly readyState = open
  readonly sent: {
    type: string
    name?: string
    sessionId: string
    snapshot?: { status: string; context: number }
  }[] = []
  bufferedAmount = 0
  /** How often others had their turn between two messages. */
  slices = 0
  closedWith: number | undefined
  isTerminated = false
  isStuck = false

  send(text: string): void {
    this.sent.push(JSON.parse(text) as (typeof this.sent)[number])
    if (this.isStuck) this.bufferedAmount += text.length
  }

  cork(): void {
    this.slices++
  }

  uncork(): void {}

  close(code: number): void {
    this.closedWith = code
  }

  terminate(): void {
    this.isTerminated = true
    this.emit('close')
  }

  drain(): void {
    this.bufferedAmount = 0
    this.emit('drain')
  }
}

let sessions: Sessions
let connection: SlowConnection
let scope: { self: AnyActorRef; stopChild(child: AnyActorRef): void }
const counter = fromTransition((count: number, { by }: { type: 'add'; by: number }) => count + (by ?? 0), 0)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  sessions = new Sessions({ sessions: 20_000, events: 100, presenter: new Presenter(presentAsIs) })
  connection = new SlowConnection()
  const root = createActor(
    {
      ...fromTransition(() => 0, 0),
      start: (_snapshot: unknown, given: unknown) => void (scope = given as never),
    },
    { id: 'root', inspect: (event) => sessions.receive(event) },
  )
  root.start()
})

afterEach(() => {
  connection.emit('close')
  vi.useRealTimers()
})

const have = (id: string) => {
  const actor = createActor(counter, { id, parent: scope.self as never })
  actor.start()
  return actor
}

function openTab(mostWaiting = 1000): Tab {
  const webSocket = connection as unknown as WebSocket
  return new Tab({ webSocket, socket: connection as unknown as Duplex, sessions, mostWaiting })
}

/** Lets everything that was planned be sent. */
async function flush(): Promise<void> {
  await vi.advanceTimersByTimeAsync(25)
  for (let before = -1; before !== connection.sent.length;) {
    before = connection.sent.length
    for (let turn = 0; turn < 50; turn++) await nextTurn()
  }
}

const of = (type: string) => connection.sent.filter((message) => message.type === type)
const last = (name: string) => {
  const session = of('@xstate.actor').find((message) => message.name === name)?.sessionId
  return of('@xstate.snapshot').findLast(({ sessionId }) => sessionId === session)?.snapshot
}

describe('a tab', () => {
  it('that connects late receives every live actor, the parent first, with its last snapshot', async () => {
    const actors = Array.from({ length: 1000 }, (_, at) => have(`light-${at}`))
    for (const [at, actor] of actors.entries()) actor.send({ type: 'add', by: at })
    openTab()
    await flush()
    const reported = of('@xstate.actor')
    expect(reported).toHaveLength(1001)
    expect(reported[0]?.name).toBe('root')
    expect(new Set(reported.map(({ sessionId }) => sessionId)).size).toBe(1001)
    expect(of('@xstate.snapshot')).toHaveLength(1001)
    expect(last('light-7')?.context).toBe(7)
    expect(last('light-999')?.context).toBe(999)
  })

  it('receives 10,000 actors in many slices, between which other work has a turn', async () => {
    for (let at = 0; at < 10_000; at++) have(`light-${at}`)
    openTab()
    expect(connection.sent).toEqual([])
    await flush()
    expect(of('@xstate.actor')).toHaveLength(10_001)
    expect(connection.slices).toBeGreaterThan(5)
  })

  it('does not receive actors that ended before it connected', async () => {
    scope.stopChild(have('light'))
    openTab()
    await flush()
    expect(of('@xstate.actor').map(({ name }) => name)).toEqual(['root'])
    expect(connection.sent.filter(({ type }) => type === '@xstate.event')).toHaveLength(1)
  })

  it('receives the last of many simultaneous changes', async () => {
    const actor = have('light')
    openTab()
    await flush()
    const before = of('@xstate.snapshot').length
    for (let count = 0; count < 50; count++) actor.send({ type: 'add', by: 1 })
    await flush()
    expect(of('@xstate.snapshot').length - before).toBe(1)
    expect(last('light')?.context).toBe(50)
    expect(of('@flotsam.skipped')).toEqual([])
  })

  it('receives an end once, and nothing after it', async () => {
    const actor = have('light')
    openTab()
    await flush()
    scope.stopChild(actor)
    await flush()
    expect(last('light')).toMatchObject({ status: 'stopped', context: 0 })
    const { length } = connection.sent
    sessions.settleAll()
    have('another')
    await flush()
    const later = connection.sent.slice(length).filter(({ type }) => type !== '@xstate.event')
    const { sessionId } = later[0] as { sessionId: string }
    expect(later.map((message) => message.sessionId === sessionId)).toEqual([true, true])
  })

  it('receives an actor that started and ended between two messages', async () => {
    openTab()
    await flush()
    scope.stopChild(have('light'))
    await flush()
    expect(last('light')?.status).toBe('stopped')
  })
})

describe('a tab that does not keep up', () => {
  it('is sent no more than it can buffer, and later the current state and the count of omitted messages', async () => {
    const actor = have('light')
    openTab()
    await flush()
    connection.isStuck = true
    connection.bufferedAmount = 2_000_000
    const { length } = connection.sent
    for (let count = 0; count < 1000; count++) {
      actor.send({ type: 'add', by: 1 })
      if (count % 100 === 0) await flush()
    }
    expect(connection.sent).toHaveLength(length)
    connection.drain()
    await flush()
    expect(last('light')?.context).toBe(1000)
    const events = of('@xstate.event').slice(-100)
    expect(events).toHaveLength(100)
    expect(of('@flotsam.skipped')).toMatchObject([{ events: 900 }])
    expect((of('@flotsam.skipped')[0] as unknown as { snapshots: number }).snapshots).toBeGreaterThan(800)
  })

  it('stops in the middle of a long list of actors, and resumes there', async () => {
    for (let at = 0; at < 10_000; at++) have(`light-${at}`)
    connection.isStuck = true
    openTab()
    await flush()
    const first = connection.sent.length
    expect(connection.bufferedAmount).toBeGreaterThan(1_000_000)
    expect(connection.bufferedAmount).toBeLessThan(1_100_000)
    expect(first).toBeLessThan(10_000)
    connection.isStuck = false
    connection.drain()
    await flush()
    expect(of('@xstate.actor')).toHaveLength(10_001)
  })

  it('is disconnected when more is pending than the bound, and leaves nothing behind', async () => {
    const actors = Array.from({ length: 200 }, (_, at) => have(`light-${at}`))
    openTab(100)
    await flush()
    connection.isStuck = true
    connection.bufferedAmount = 2_000_000
    for (const actor of actors.slice(0, 100)) actor.send({ type: 'add', by: 1 })
    expect(connection.closedWith).toBeUndefined()
    for (const actor of actors.slice(100)) actor.send({ type: 'add', by: 1 })
    expect(connection.closedWith).toBe(1013)
    const { length } = connection.sent
    connection.drain()
    await flush()
    expect(connection.sent).toHaveLength(length)
    expect(connection.isTerminated).toBe(false)
    // It may never answer that it is closed.
    await vi.advanceTimersByTimeAsync(5000)
    expect(connection.isTerminated).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not receive actors that came and went meanwhile, so that nothing accumulates', async () => {
    openTab(100)
    await flush()
    connection.isStuck = true
    connection.bufferedAmount = 2_000_000
    have('a first one')
    await flush()
    for (let count = 0; count < 5000; count++) scope.stopChild(have('light'))
    connection.isStuck = false
    connection.drain()
    await flush()
    expect(connection.closedWith).toBeUndefined()
    expect(of('@xstate.actor').map(({ name }) => name)).toEqual(['root', 'a first one'])
  })
})
