import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createTracker, type Tracked, TrackerTroubleError } from '../src/tracker.ts'
import { createFakeClock } from './support/fake-clock.ts'
import { fakeId } from './support/fake-engine.ts'

const id = fakeId(1)
const deadlineMs = 5000

function trackerOf(tracked: object) {
  const clock = createFakeClock()
  return { clock, tracker: createTracker(tracked as Tracked, clock, deadlineMs) }
}

const answering = (answer: unknown) => ({ has: () => answer })
const throwing = (thrown: unknown) => ({
  has: () => {
    throw thrown
  },
})

type Then = (tell: (answer: unknown) => void, fail: (why: unknown) => void) => void

/** What a promise looks like from outside, with a `then` of the test's own. */
function thenable(then: Then | false, carrier: object = {}): object {
  // oxlint-disable-next-line unicorn/no-thenable -- what misbehaves here is what is tested
  return Object.defineProperty(carrier, 'then', { value: then })
}

function unreadable(): object {
  const get = () => {
    throw new Error('boom')
  }
  // oxlint-disable-next-line unicorn/no-thenable -- what misbehaves here is what is tested
  return Object.defineProperty({}, 'then', { get })
}

interface Settling {
  readonly resolve: (answer: unknown) => void
  readonly reject: (reason: unknown) => void
}

const reasonless = new TrackerTroubleError('untracked' as never, 'made up')

describe('an answer at once', () => {
  test.each<[string, object, string]>([
    ['true', answering(true), 'tracked'],
    ['false', answering(false), 'untracked'],
    ['undefined', answering(undefined), 'tracker-unknown'],
    ['null', answering(null), 'tracker-invalid'],
    ['1', answering(1), 'tracker-invalid'],
    ['0', answering(0), 'tracker-invalid'],
    ['an empty text', answering(''), 'tracker-invalid'],
    ['the text false', answering('false'), 'tracker-invalid'],
    ['NaN', answering(Number.NaN), 'tracker-invalid'],
    ['an object', answering({}), 'tracker-invalid'],
    ['a Boolean object of false', answering(Object(false)), 'tracker-invalid'],
    [
      'a function with a then',
      answering(
        thenable(
          () => {},
          () => {},
        ),
      ),
      'tracker-invalid',
    ],
    ['an object whose then is none', answering(thenable(false)), 'tracker-invalid'],
    ['a throw', throwing(new Error('boom')), 'tracker-failed'],
    ['a throw of undefined', throwing(undefined), 'tracker-failed'],
    ['a throw of what has no words', throwing(Object.create(null)), 'tracker-failed'],
    [
      'a throw of an error with a strange message',
      throwing(Object.assign(new Error('x'), { message: 5 })),
      'tracker-failed',
    ],
    ['an answer whose then throws when it is read', answering(unreadable()), 'tracker-failed'],
    [
      'a throw with a reason',
      throwing(new TrackerTroubleError('tracked-file-invalid', 'line 3')),
      'tracked-file-invalid',
    ],
    ['a throw whose reason is made up', throwing(reasonless), 'tracker-failed'],
    [
      'a throw whose reason is tracked',
      throwing(new TrackerTroubleError('tracked' as never, 'made up')),
      'tracker-failed',
    ],
    ['a method that went away', {}, 'tracker-failed'],
  ])('%s', (_, tracked, answer) => {
    const { clock, tracker } = trackerOf(tracked)
    expect(tracker.ask(id)).toBe(answer)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a Set and a Map will do, and are asked for the very id', () => {
    expect(trackerOf(new Set([id])).tracker.ask(id)).toBe('tracked')
    expect(trackerOf(new Map([[id, 1]])).tracker.ask(id)).toBe('tracked')
    expect(trackerOf(new Set([id.slice(0, 12), id.toUpperCase()])).tracker.ask(id)).toBe('untracked')
  })

  test('unknown-is-spared: nothing but false says untracked', () => {
    fc.assert(
      fc.property(fc.anything(), (answer) => {
        fc.pre(answer !== false)
        expect(trackerOf(answering(answer)).tracker.ask(id)).not.toBe('untracked')
      }),
    )
  })

  test('unknown-is-spared: nothing that is thrown says untracked', () => {
    const anyThrown = fc.anything({
      withNullPrototype: true,
      withBigInt: true,
      withMap: true,
      withDate: true,
    })
    fc.assert(
      fc.property(
        fc.oneof(
          anyThrown,
          anyThrown.map((reason) => new TrackerTroubleError(reason as never, '')),
        ),
        (thrown) => {
          expect(trackerOf(throwing(thrown)).tracker.ask(id)).toMatch(/^track(er|ed)-/)
        },
      ),
    )
  })
})

describe('ready()', () => {
  test.each<[string, unknown, string]>([
    ['true', () => true, 'untracked'],
    ['false', () => false, 'tracker-not-ready'],
    ['1', () => 1, 'tracker-not-ready'],
    ['undefined', () => undefined, 'tracker-not-ready'],
    ['a promise of true', () => Promise.resolve(true), 'tracker-not-ready'],
    ['absent', undefined, 'untracked'],
    ['no method but false', false, 'tracker-failed'],
    ['no method but null', null, 'tracker-failed'],
  ])('%s', (_, ready, answer) => {
    expect(trackerOf({ has: () => false, ready }).tracker.ask(id)).toBe(answer)
  })

  test('a throw is a failure', () => {
    const ready = () => {
      throw new Error('not yet')
    }
    const { tracker } = trackerOf({ has: () => false, ready })
    expect(tracker.ask(id)).toBe('tracker-failed')
    expect(tracker.takeTrouble()).toEqual({ reason: 'tracker-failed', message: 'not yet' })
  })

  test('while it is not true, has(id) is not asked; it is asked anew each time', () => {
    let isReady = false
    let asked = 0
    const { tracker } = trackerOf({ has: () => asked++ > 5, ready: () => isReady })
    expect(tracker.ask(id)).toBe('tracker-not-ready')
    expect(asked).toBe(0)
    isReady = true
    expect(tracker.ask(id)).toBe('untracked')
    isReady = false
    expect(tracker.ask(id)).toBe('tracker-not-ready')
    expect(asked).toBe(1)
  })

  test('both are called as methods of the tracker', () => {
    class Tasks {
      readonly #ids = new Set<string>([id])
      ready() {
        return this.#ids.size > 0
      }
      has(asked: string) {
        return this.#ids.has(asked)
      }
    }
    expect(trackerOf(new Tasks()).tracker.ask(id)).toBe('tracked')
  })
})

describe('an answer that comes later', () => {
  test.each<[string, () => unknown, string]>([
    ['true', () => Promise.resolve(true), 'tracked'],
    ['false', () => Promise.resolve(false), 'untracked'],
    ['undefined', () => Promise.resolve(undefined), 'tracker-unknown'],
    ['0', () => Promise.resolve(0), 'tracker-invalid'],
    ['the text false', () => Promise.resolve('false'), 'tracker-invalid'],
    ['a rejection', () => Promise.reject(new Error('boom')), 'tracker-failed'],
    ['a rejection with nothing', () => Promise.reject(), 'tracker-failed'],
    [
      'a rejection with a reason',
      () => Promise.reject(new TrackerTroubleError('tracked-url-failed', '503')),
      'tracked-url-failed',
    ],
    ['a rejection whose reason is made up', () => Promise.reject(reasonless), 'tracker-failed'],
    ['a rejection without words', () => Promise.reject(Object.create(null)), 'tracker-failed'],
    [
      'a then that throws',
      () =>
        thenable(() => {
          throw new Error('boom')
        }),
      'tracker-failed',
    ],
    ['a then that answers at once', () => thenable((tell) => tell(false)), 'untracked'],
    [
      'a then that answers and throws',
      () =>
        thenable((tell) => {
          tell(true)
          throw new Error('x')
        }),
      'tracked',
    ],
    [
      'a then that answers twice',
      () =>
        thenable((tell) => {
          tell(true)
          tell(false)
        }),
      'tracked',
    ],
    [
      'a then that fails and answers',
      () =>
        thenable((tell, fail) => {
          fail(new Error('x'))
          tell(false)
        }),
      'tracker-failed',
    ],
    [
      'a then that answers with a promise',
      () => thenable((tell) => tell(Promise.resolve(false))),
      'tracker-invalid',
    ],
  ])('%s', async (_, has, answer) => {
    const { clock, tracker } = trackerOf({ has })
    expect(await tracker.ask(id)).toBe(answer)
    expect(clock.pendingTimers).toBe(0)
  })

  test('no answer within the deadline spares, and the timer is gone', async () => {
    const { clock, tracker } = trackerOf({ has: () => new Promise(() => {}) })
    let answer: string | undefined
    void Promise.resolve(tracker.ask(id)).then((settled) => (answer = settled))
    await clock.advance(deadlineMs - 1)
    expect(answer).toBeUndefined()
    await clock.advance(1)
    expect(answer).toBe('tracker-timed-out')
    expect(tracker.takeTrouble()).toEqual({
      reason: 'tracker-timed-out',
      message: 'has(id) gave no answer within 5000 ms',
    })
    expect(clock.pendingTimers).toBe(0)
  })

  test.each<[string, (late: Settling) => void]>([
    ['an answer', (late) => late.resolve(false)],
    ['a rejection', (late) => late.reject(new Error('too late'))],
    ['nonsense', (late) => late.resolve('nonsense')],
  ])('%s after the deadline changes nothing and is no new trouble', async (_, settle) => {
    let resolve!: (value: unknown) => void
    let reject!: (reason: unknown) => void
    const promise = new Promise<unknown>((...both) => ([resolve, reject] = both))
    const { clock, tracker } = trackerOf({ has: () => promise })
    const asked = tracker.ask(id)
    await clock.advance(deadlineMs)
    expect(await asked).toBe('tracker-timed-out')
    tracker.takeTrouble()
    settle({ resolve, reject })
    await clock.settle()
    expect(tracker.takeTrouble()).toBeUndefined()
  })

  test('a second answer is no trouble either', async () => {
    const has = () =>
      thenable((tell, fail) => {
        tell(true)
        fail(new Error('changed my mind'))
        tell('nonsense')
      })
    const { tracker } = trackerOf({ has })
    expect(await tracker.ask(id)).toBe('tracked')
    expect(tracker.takeTrouble()).toBeUndefined()
  })
})

describe('what went wrong', () => {
  test('is told once', () => {
    const { tracker } = trackerOf(throwing(new Error('the store\n  is down')))
    void tracker.ask(id)
    expect(tracker.takeTrouble()).toEqual({ reason: 'tracker-failed', message: 'the store is down' })
    expect(tracker.takeTrouble()).toBeUndefined()
  })

  test('is told although later answers are good: one container unknown is a trouble', () => {
    const answers = [undefined, false]
    const { tracker } = trackerOf({ has: () => answers.shift() })
    void tracker.ask(id)
    void tracker.ask(id)
    expect(tracker.takeTrouble()).toEqual({
      reason: 'tracker-unknown',
      message: 'has(id) answered undefined',
    })
  })

  test('of an error without a message is its name', () => {
    const { tracker } = trackerOf(throwing(new TypeError()))
    void tracker.ask(id)
    expect(tracker.takeTrouble()?.message).toBe('TypeError')
  })
})
