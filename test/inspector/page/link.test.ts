import { describe, expect, it } from 'vitest'
import { keepLink, type LinkState } from '../../../src/inspector/page/model/link.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

type Listener = (event: { readonly data: unknown }) => void

function world({ isRefused = async () => false }: { isRefused?: () => Promise<boolean> } = {}) {
  const clock = createFakeClock()
  const sockets: { emit: (type: string, data?: unknown) => void; isClosed: boolean }[] = []
  const states: LinkState[] = []
  const texts: string[] = []
  let opened = 0
  const link = keepLink({
    openSocket: () => {
      const listeners = new Map<string, Listener>()
      const socket = {
        isClosed: false,
        emit: (type: string, data?: unknown) => listeners.get(type)?.({ data }),
        addEventListener: (type: string, listener: Listener) => void listeners.set(type, listener),
        close: () => void (socket.isClosed = true),
      }
      sockets.push(socket)
      return socket
    },
    isRefused,
    now: () => clock.now(),
    setTimeout: (run, delayMs) => clock.setTimeout(run, delayMs),
    clearTimeout: (timer) => clock.clearTimeout(timer),
    onState: (state) => states.push(state),
    onOpen: () => (opened += 1),
    onText: (text) => texts.push(text),
  })
  const last = () => sockets.at(-1) as (typeof sockets)[number]
  return { clock, sockets, states, texts, link, last, openings: () => opened }
}

describe('the connection to the relay', () => {
  it('reconnects after pauses that double, up to ten seconds', async () => {
    const { clock, sockets, last } = world()
    const pausesMs: number[] = []
    for (let attempts = 1; attempts <= 7; attempts++) {
      const beganMs = clock.now()
      last().emit('close')
      while (sockets.length === attempts) await clock.advance(100)
      pausesMs.push(clock.now() - beganMs)
    }
    expect(pausesMs).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('starts with short pauses again after it was open', async () => {
    const { clock, sockets, last } = world()
    last().emit('close')
    await clock.advance(500)
    last().emit('close')
    await clock.advance(1000)
    last().emit('open')
    last().emit('close')
    await clock.advance(500)
    expect(sockets).toHaveLength(4)
  })

  it('reports each time that it is open, so that old data is dropped', async () => {
    const { clock, last, openings } = world()
    last().emit('open')
    last().emit('close')
    await clock.advance(500)
    last().emit('open')
    expect(openings()).toBe(2)
  })

  it('distinguishes a broken connection from an agent that does not answer', async () => {
    const { clock, states, last } = world()
    last().emit('open')
    last().emit('close')
    await clock.advance(500)
    last().emit('close')
    await clock.settle()
    expect(states.map((state) => ('why' in state ? state.why : state.is))).toEqual([
      'connecting',
      'open',
      'broken',
      'connecting',
      'unreachable',
      'unreachable',
    ])
  })

  it('reports that it was refused, and keeps reporting it while it reconnects', async () => {
    const { clock, states, last } = world({ isRefused: async () => true })
    last().emit('close')
    await clock.settle()
    expect(states.at(-1)).toMatchObject({ is: 'lost', why: 'refused' })
    await clock.advance(500)
    expect(states.at(-1)).toEqual({ is: 'connecting', after: 'refused' })
    last().emit('close')
    expect(states.at(-1)).toMatchObject({ is: 'lost', why: 'refused' })
  })

  it('treats an agent that cannot be asked as one that does not answer', async () => {
    const { clock, states, last } = world({ isRefused: () => Promise.reject(new Error('no route')) })
    last().emit('close')
    await clock.settle()
    expect(states.at(-1)).toMatchObject({ is: 'lost', why: 'unreachable' })
  })

  it('reconnects at once when asked to, and only once', async () => {
    const { clock, sockets, last, link } = world()
    last().emit('close')
    link.retryNow()
    link.retryNow()
    await clock.advance(5000)
    expect(sockets).toHaveLength(2)
  })

  it('ignores a connection that it has abandoned', async () => {
    const { clock, sockets, texts, last } = world()
    last().emit('open')
    last().emit('message', 'one')
    last().emit('message', new ArrayBuffer(4))
    last().emit('close')
    await clock.advance(500)
    sockets[0]?.emit('message', 'late')
    expect(texts).toEqual(['one'])
  })

  it('stays closed once it is closed', async () => {
    const { clock, sockets, last, link } = world()
    link.close()
    last().emit('close')
    await clock.advance(60_000)
    expect(sockets).toHaveLength(1)
    expect(last().isClosed).toBe(true)
  })
})
