import {
  createBrowserReceiver,
  createInspector as createShipped,
  createWebSocketReceiver,
} from '@statelyai/inspect'
import { describe, expect, it } from 'vitest'
import { assign, createActor, fromPromise, setup } from 'xstate'
import { scan, type Message, openInspector, webSocketAddress } from './support/viewer.ts'

/** A small system with all that the protocol speaks of: parents, children, promises, guards, timers, an end. */
const light = setup({
  types: { context: {} as { readonly turns: number }, events: {} as { readonly type: 'turn' | 'end' } },
  actors: { power: fromPromise(async () => 'on') },
  guards: { isWorn: ({ context }) => context.turns > 2 },
}).createMachine({
  id: 'light',
  description: 'Goes from red to green.',
  context: { turns: 0 },
  invoke: { id: 'power', src: 'power' },
  initial: 'red',
  on: { end: '.dark' },
  states: {
    red: {
      on: { turn: { target: 'green', actions: assign({ turns: ({ context }) => context.turns + 1 }) } },
    },
    green: { on: { turn: [{ guard: 'isWorn', target: 'dark' }, { target: 'red' }] } },
    dark: { type: 'final' },
  },
})

/** Plays the same story to each inspector, with time to observe between the scenes. */
async function play(inspect: (event: never) => void, pause: () => Promise<unknown>): Promise<void> {
  const actor = createActor(light, { id: 'one', inspect: inspect as never })
  actor.start()
  await pause()
  actor.send({ type: 'turn' })
  await pause()
  actor.send({ type: 'end' })
  await pause()
}

const pauseOfMs = (ms: number) => () => new Promise((resolve) => setTimeout(resolve, ms))

/** What does not depend on when it happened and what number the session got. */
function essence(messages: readonly Message[]): unknown[] {
  const numbers = new Map<unknown, string>()
  const number = (id: unknown) => {
    if (id === undefined) return undefined
    if (!numbers.has(id)) numbers.set(id, `session ${numbers.size}`)
    return numbers.get(id)
  }
  return messages.map(({ type, sessionId, rootId, parentId, sourceId, id, _version, ...rest }) => {
    const { value, context, status, output } = (rest['snapshot'] ?? {}) as Record<string, unknown>
    return {
      type,
      id,
      _version,
      session: number(sessionId),
      root: number(rootId),
      parent: number(parentId),
      source: number(sourceId),
      name: rest['name'],
      // Theirs sorts the keys; ours keeps the author's order.
      definition: rest['definition'] && (JSON.parse(rest['definition'] as string) as unknown),
      event: rest['event'],
      snapshot: rest['snapshot'] && { status, value, context, output },
      times: /^\d{13}$/.test(rest['createdAt'] as string),
      fields: Object.keys({ type, sessionId, rootId, id, _version, ...rest }).toSorted(),
    }
  })
}

/** A session's last message, of the light itself or of another actor. */
const hasEnded = (messages: readonly Message[], name: string) => {
  const ids = messages.filter((message) => message['name'] === name).map(({ sessionId }) => sessionId)
  return messages.some(({ type, sessionId, snapshot }) => {
    const { status } = (snapshot ?? {}) as { readonly status?: unknown }
    return type === '@xstate.snapshot' && ids.includes(sessionId) && status === 'done'
  })
}

describe('the messages are those of @statelyai/inspect', () => {
  it('sends the same messages as its own inspector, one for one, once a tab is connected', async () => {
    const shipped: Message[] = []
    const own = createShipped({
      send: (message) => shipped.push(JSON.parse(JSON.stringify(message)) as Message),
    })
    await play((event) => own.inspect.next?.(event), pauseOfMs(60))
    const inspector = await openInspector()
    const viewer = await scan(inspector)
    await play(inspector.inspect, pauseOfMs(60))
    await viewer.until((messages) => hasEnded(messages, 'one') && hasEnded(messages, 'power'))
    const byKind = (messages: readonly Message[], kind: string) =>
      essence(messages).filter((one) => (one as Message).type === kind)
    // The shipped one sends each actor with the snapshot that it has when the message leaves, as we do.
    expect(byKind(viewer.messages, '@xstate.actor')).toEqual(byKind(shipped, '@xstate.actor'))
    expect(byKind(viewer.messages, '@xstate.event')).toEqual(byKind(shipped, '@xstate.event'))
    expect(byKind(viewer.messages, '@xstate.snapshot').length).toBeGreaterThan(3)
    const allOfTheirs = byKind(shipped, '@xstate.snapshot').map((one) => JSON.stringify(one))
    // Ours are some of theirs, in the same order: bursts are merged.
    const places = byKind(viewer.messages, '@xstate.snapshot').map((one) =>
      allOfTheirs.indexOf(JSON.stringify(one)),
    )
    expect(places).not.toContain(-1)
  })

  it('reaches its own WebSocket receiver, which accepts only our address', async () => {
    const inspector = await openInspector()
    const received: Message[] = []
    const receiver = createWebSocketReceiver({ server: webSocketAddress(inspector) })
    receiver.subscribe((message) => received.push(message as unknown as Message))
    const viewer = await scan(inspector)
    await play(inspector.inspect, pauseOfMs(40))
    await viewer.until((messages) => hasEnded(messages, 'one'))
    await expect.poll(() => hasEnded(received, 'one')).toBe(true)
    expect(new Set(received.map(({ type }) => type))).toEqual(
      new Set(['@xstate.actor', '@xstate.event', '@xstate.snapshot']),
    )
  })

  it('is accepted by its own browser receiver, which leaves out our extensions', async () => {
    const listeners: ((event: { readonly data: unknown }) => void)[] = []
    const posted: unknown[] = []
    const window = {
      self: 'a frame',
      top: 'a page',
      parent: { postMessage: (message: unknown) => posted.push(message) },
      addEventListener: (_type: 'message', listener: (typeof listeners)[number]) => listeners.push(listener),
    }
    const receiver = createBrowserReceiver({ window: window as never })
    const received: Message[] = []
    receiver.subscribe((message) => received.push(message as unknown as Message))
    expect(posted).toEqual([{ type: '@statelyai.connected' }])
    // One event is kept, and three come at once.
    const inspector = await openInspector({ history: { events: 1 } })
    const viewer = await scan(inspector)
    const actor = createActor(light, { inspect: inspector.inspect })
    actor.start()
    actor.send({ type: 'turn' })
    actor.send({ type: 'turn' })
    await viewer.until((messages) => messages.some(({ type }) => type === '@flotsam.skipped'))
    for (const message of viewer.messages) for (const listener of listeners) listener({ data: message })
    expect(received).toEqual(viewer.messages.filter(({ type }) => type !== '@flotsam.skipped'))
    expect(received.length).toBeGreaterThan(3)
    // Two beginnings, two turns and an answer; that the answer came to the light is the last one, and was kept.
    expect(viewer.of('@flotsam.skipped')).toMatchObject([{ events: 5, snapshots: 0 }])
    actor.stop()
  })
})
