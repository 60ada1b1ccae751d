import { type Logger, pino } from 'pino'
import { describe, expect, test } from 'vitest'

import type { EventOf, Happening } from '../../src/events.ts'
import { createReporter } from '../../src/report/reporter.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const vanished: Happening = { type: 'vanished', id: 'c0ffee', name: 'web', image: 'nginx' }
const stopped: Happening = { type: 'stopped', underWay: 0 }

function made(level = 'debug') {
  const clock = createFakeClock()
  const lines: Record<string, unknown>[] = []
  const stream = { write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>) }
  const reporter = createReporter(clock, pino({ level, base: null, timestamp: false }, stream))
  return { clock, lines, reporter }
}

describe('whoever listens', () => {
  test('hears of each event of its sort, dated by the wall clock, and of no other', async () => {
    const { clock, reporter } = made()
    const heard: EventOf<'vanished'>[] = []
    reporter.on('vanished', (event) => heard.push(event))
    reporter.report(vanished)
    reporter.report(stopped)
    const firstAt = clock.wallNow()
    await clock.advance(1000)
    reporter.report(vanished)
    expect(heard).toEqual([
      { ...vanished, at: firstAt },
      { ...vanished, at: firstAt + 1000 },
    ])
  })

  test('hears in the order of subscription, and one function may listen twice', () => {
    const { reporter } = made()
    const heard: string[] = []
    const twice = () => heard.push('twice')
    reporter.on('stopped', twice)
    reporter.on('stopped', () => heard.push('other'))
    const second = reporter.on('stopped', twice)
    reporter.report(stopped)
    second.unsubscribe()
    reporter.report(stopped)
    expect(heard).toEqual(['twice', 'other', 'twice', 'twice', 'other'])
  })

  test('hears nothing after it unsubscribed, also while an event is being told', () => {
    const { reporter } = made()
    const heard: string[] = []
    reporter.on('stopped', () => {
      heard.push('first')
      second.unsubscribe()
    })
    const second = reporter.on('stopped', () => heard.push('second'))
    reporter.report(stopped)
    expect(heard).toEqual(['first'])
  })

  test('who subscribes anew at each event hears each event once, and ends', () => {
    const { reporter } = made()
    let heard = 0
    const once = () => {
      subscription.unsubscribe()
      heard += 1
      if (heard > 10) throw new Error('without end')
      subscription = reporter.on('stopped', once)
    }
    let subscription = reporter.on('stopped', once)
    reporter.on('stopped', () => {})
    reporter.report(stopped)
    expect(heard).toBe(1)
    reporter.report(stopped)
    expect(heard).toBe(2)
  })

  test('unsubscribing twice takes nothing from those who came later', () => {
    const { reporter } = made()
    let heard = 0
    const first = reporter.on('stopped', () => {})
    first.unsubscribe()
    reporter.on('stopped', () => heard++)
    first.unsubscribe()
    reporter.report(stopped)
    expect(heard).toBe(1)
  })
})

describe('a listener that throws', () => {
  test('is told once, and stops neither the others nor the next event', () => {
    const { lines, reporter } = made('error')
    let heard = 0
    reporter.on('stopped', () => {
      throw new Error('boom')
    })
    reporter.on('stopped', () => heard++)
    reporter.report(stopped)
    reporter.report(stopped)
    expect(heard).toBe(2)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 50,
      event: 'listener',
      msg: 'a listener for "stopped" threw: boom; told once',
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
    reporter.report(stopped)
    reporter.report(vanished)
    expect(lines).toHaveLength(2)
  })

  test('later, as an async one does, is told once as well', async () => {
    const { clock, lines, reporter } = made('error')
    const later: () => unknown = () => Promise.reject(new Error('boom'))
    reporter.on('stopped', later)
    reporter.report(stopped)
    reporter.report(stopped)
    await clock.settle()
    expect(lines.map(({ msg }) => msg)).toEqual(['a listener for "stopped" threw: boom; told once'])
  })

  test('something without words is still told', () => {
    const { lines, reporter } = made('error')
    reporter.on('stopped', () => {
      throw Object.create(null)
    })
    reporter.report(stopped)
    expect(lines[0]?.['msg']).toBe(
      'a listener for "stopped" threw: something without words (object); told once',
    )
  })
})

describe('the log', () => {
  test("has one line for an event, with every field of it, the container's name as `container`", () => {
    const { lines, reporter } = made()
    reporter.report(vanished)
    expect(lines).toEqual([
      {
        level: 20,
        event: 'vanished',
        id: 'c0ffee',
        container: 'web',
        image: 'nginx',
        msg: 'web (c0ffee) is gone; somebody else removed it',
      },
    ])
  })

  test('puts nothing into words while its level is off, and listeners hear all the same', () => {
    const { lines, reporter } = made('info')
    let heard = 0
    reporter.on('removeFailed', () => heard++)
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
    reporter.report(unspeakable)
    expect(lines).toEqual([])
    expect(heard).toBe(1)
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
    const reporter = createReporter(createFakeClock(), logger)
    let heard = 0
    reporter.on('stopped', () => {
      throw new Error('boom')
    })
    reporter.on('stopped', () => heard++)
    reporter.report(stopped)
    expect(heard).toBe(1)
  })
})
