import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { FlotsamEvent, UnstampedEvent } from '../../src/domain/events.ts'
import type { Logger } from '../../src/domain/logger.ts'
import { createReporter } from '../../src/report/reporter.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const vanished: UnstampedEvent = { type: 'vanished', id: 'c0ffee', name: 'web', image: 'nginx' }
const stopped: UnstampedEvent = { type: 'stopped', underWay: 0 }
const origin = { engine: 'unix:///run/docker.sock', owner: 'com.example.agent=agent-7' }

function made(level = 'debug') {
  const clock = createFakeClock()
  const lines: Record<string, unknown>[] = []
  const stream = { write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>) }
  const reporter = createReporter(clock, origin, pino({ level, base: null, timestamp: false }, stream))
  return { clock, lines, reporter }
}

describe('whoever listens', () => {
  test('hears of each event of its sort, dated by the wall clock, and of no other', async () => {
    const { clock, reporter } = made()
    const received: FlotsamEvent[] = []
    reporter.on('vanished', (event) => received.push(event))
    reporter.emit(vanished)
    reporter.emit(stopped)
    const firstAt = clock.wallNow()
    await clock.advance(1000)
    reporter.emit(vanished)
    expect(received).toEqual([
      { ...vanished, ...origin, at: firstAt },
      { ...vanished, ...origin, at: firstAt + 1000 },
    ])
  })

  test('hears of every event where it listens to *, after those that listen to its name', () => {
    const { clock, reporter } = made()
    const received: (string | FlotsamEvent)[] = []
    const all = reporter.on('*', (event) => received.push(event))
    reporter.on('stopped', () => received.push('by name'))
    reporter.emit(vanished)
    reporter.emit(stopped)
    all.unsubscribe()
    reporter.emit(vanished)
    const at = clock.wallNow()
    expect(received).toEqual([{ ...vanished, ...origin, at }, 'by name', { ...stopped, ...origin, at }])
  })

  test('to * and throws is logged once, with the event that it was called with', () => {
    const { lines, reporter } = made('error')
    reporter.on('*', () => {
      throw new Error('boom')
    })
    reporter.emit(stopped)
    reporter.emit(vanished)
    expect(lines.map(({ msg }) => msg)).toEqual(['a listener for "stopped" threw: boom; reported once'])
  })

  test('hears in the order of subscription, and one function may listen twice', () => {
    const { reporter } = made()
    const received: string[] = []
    const twice = () => received.push('twice')
    reporter.on('stopped', twice)
    reporter.on('stopped', () => received.push('other'))
    const second = reporter.on('stopped', twice)
    reporter.emit(stopped)
    second.unsubscribe()
    reporter.emit(stopped)
    expect(received).toEqual(['twice', 'other', 'twice', 'twice', 'other'])
  })

  test('hears nothing after it unsubscribed, also while an event is being told', () => {
    const { reporter } = made()
    const received: string[] = []
    reporter.on('stopped', () => {
      received.push('first')
      second.unsubscribe()
    })
    const second = reporter.on('stopped', () => received.push('second'))
    reporter.emit(stopped)
    expect(received).toEqual(['first'])
  })

  test('who subscribes again at each event hears each event once, and ends', () => {
    const { reporter } = made()
    let received = 0
    const once = () => {
      subscription.unsubscribe()
      received += 1
      if (received > 10) throw new Error('without end')
      subscription = reporter.on('stopped', once)
    }
    let subscription = reporter.on('stopped', once)
    reporter.on('stopped', () => {})
    reporter.emit(stopped)
    expect(received).toBe(1)
    reporter.emit(stopped)
    expect(received).toBe(2)
  })

  test('unsubscribing twice takes nothing from those who came later', () => {
    const { reporter } = made()
    let received = 0
    const first = reporter.on('stopped', () => {})
    first.unsubscribe()
    reporter.on('stopped', () => received++)
    first.unsubscribe()
    reporter.emit(stopped)
    expect(received).toBe(1)
  })
})

describe('a listener that throws', () => {
  test('is told once, and stops neither the others nor the next event', () => {
    const { lines, reporter } = made('error')
    let received = 0
    reporter.on('stopped', () => {
      throw new Error('boom')
    })
    reporter.on('stopped', () => received++)
    reporter.emit(stopped)
    reporter.emit(stopped)
    expect(received).toBe(2)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 50,
      event: 'listener',
      msg: 'a listener for "stopped" threw: boom; reported once',
    })
    expect(lines[0]?.['err']).toMatchObject({ message: 'boom' })
  })

  test('each one is told for itself', () => {
    const { lines, reporter } = made('error')
    const bad = () => {
      throw new Error('boom')
    }
    reporter.on('stopped', bad)
    reporter.on('vanished', bad)
    reporter.emit(stopped)
    reporter.emit(vanished)
    expect(lines).toHaveLength(2)
  })

  test('later, as an async one does, is told once as well', async () => {
    const { clock, lines, reporter } = made('error')
    const later: () => unknown = () => Promise.reject(new Error('boom'))
    reporter.on('stopped', later)
    reporter.emit(stopped)
    reporter.emit(stopped)
    await clock.settle()
    expect(lines.map(({ msg }) => msg)).toEqual(['a listener for "stopped" threw: boom; reported once'])
  })

  test('something without words is still told', () => {
    const { lines, reporter } = made('error')
    reporter.on('stopped', () => {
      throw Object.create(null)
    })
    reporter.emit(stopped)
    expect(lines[0]?.['msg']).toBe(
      'a listener for "stopped" threw: something without words (object); reported once',
    )
  })
})

describe('the log', () => {
  test("has one line for an event, with every field of it, the container's name as `container`", () => {
    const { lines, reporter } = made()
    reporter.emit(vanished)
    expect(lines).toEqual([
      {
        level: 20,
        event: 'vanished',
        id: 'c0ffee',
        container: 'web',
        image: 'nginx',
        ...origin,
        msg: 'web (c0ffee) is gone; it was removed by something else',
      },
    ])
  })

  test('has the engine once in the line of a start, and both it and the owner in the line about a listener', () => {
    const { lines, reporter } = made()
    reporter.emit({ type: 'started', engine: origin.engine, dryRun: false })
    reporter.on('stopped', () => {
      throw new Error('boom')
    })
    reporter.emit(stopped)
    expect(lines.map(({ engine, owner }) => ({ engine, owner }))).toEqual([origin, origin, origin])
  })

  test('follows a level of the logger that changes, and may have no levels at all', () => {
    const lines: unknown[] = []
    const stream = { write: (text: string) => void lines.push(JSON.parse(text)) }
    const logger = pino({ level: 'warn' }, stream)
    const reporter = createReporter(createFakeClock(), origin, logger)
    reporter.emit(stopped)
    logger.level = 'info'
    reporter.emit(stopped)
    expect(lines).toHaveLength(1)
    const calls: unknown[] = []
    const note = (...args: unknown[]) => void calls.push(args)
    const plain: Logger = { debug: note, info: note, warn: note, error: note }
    createReporter(createFakeClock(), origin, plain).emit(stopped)
    expect(calls).toEqual([[{ event: 'stopped', underWay: 0, ...origin }, 'stopped']])
  })

  test('puts nothing into words while its level is off, and listeners hear all the same', () => {
    const { lines, reporter } = made('info')
    let received = 0
    reporter.on('removeFailed', () => received++)
    const unspeakable = {
      type: 'removeFailed',
      id: 'c0ffee',
      name: 'web',
      image: 'nginx',
      kind: 'refused',
      message: { toString: () => expect.unreachable('was put into words') } as never,
      failures: 1,
      retryInMs: 1000,
    } as const
    reporter.emit(unspeakable)
    expect(lines).toEqual([])
    expect(received).toBe(1)
  })

  test.each(['isLevelEnabled', 'info', 'error'])('that is broken (%s throws) stops nothing', (method) => {
    const broken = () => {
      throw new Error('the worker has exited')
    }
    const logger = {
      isLevelEnabled: () => true,
      info: () => {},
      error: () => {},
      [method]: broken,
    } as unknown as Logger
    const reporter = createReporter(createFakeClock(), origin, logger)
    let received = 0
    reporter.on('stopped', () => {
      throw new Error('boom')
    })
    reporter.on('stopped', () => received++)
    reporter.emit(stopped)
    expect(received).toBe(1)
  })
})
