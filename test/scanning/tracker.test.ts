import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nothingTracked,
  type Tracked,
  type TrackedContainer,
  TrackerError,
} from '../../src/domain/tracked.ts'
import { type Answer, createTracker, failureOf, type NoAnswer, wordOf } from '../../src/scanning/tracker.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const id = fakeId(1)
const container = summary({ id })
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

type Then = (resolve: (answer: unknown) => void, fail: (why: unknown) => void) => void

/** A thenable with the test's own `then`. */
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

const reasonless = new TrackerError('untracked' as never, 'made up')

describe('a synchronous answer', () => {
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
      throwing(new TrackerError('tracked-file-invalid', 'line 3')),
      'tracked-file-invalid',
    ],
    ['a throw whose reason is made up', throwing(reasonless), 'tracker-failed'],
    [
      'a throw whose reason is tracked',
      throwing(new TrackerError('tracked' as never, 'made up')),
      'tracker-failed',
    ],
    ['a method that went away', {}, 'tracker-failed'],
  ])('%s', (_, tracked, answer) => {
    const { clock, tracker } = trackerOf(tracked)
    expect(wordOf(tracker.ask(container) as Answer)).toBe(answer)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a Set and a Map work, and are asked for exactly the id', () => {
    expect(trackerOf(new Set([id])).tracker.ask(container)).toBe('tracked')
    expect(trackerOf(new Map([[id, 1]])).tracker.ask(container)).toBe('tracked')
    expect(trackerOf(new Set([fakeId(2)])).tracker.ask(container)).toBe('untracked')
  })

  test('unknown-is-spared: nothing but false says untracked', () => {
    fc.assert(
      fc.property(fc.anything(), (answer) => {
        fc.pre(answer !== false)
        expect(trackerOf(answering(answer)).tracker.ask(container)).not.toBe('untracked')
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
          anyThrown.map((reason) => new TrackerError(reason as never, '')),
        ),
        (thrown) => {
          expect(wordOf(trackerOf(throwing(thrown)).tracker.ask(container) as Answer)).toMatch(
            /^track(er|ed)-/,
          )
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
    expect(wordOf(trackerOf({ has: () => false, ready }).tracker.ask(container) as Answer)).toBe(answer)
  })

  test('a throw is a failure', () => {
    const ready = () => {
      throw new Error('not yet')
    }
    const { tracker } = trackerOf({ has: () => false, ready })
    expect(tracker.ask(container)).toEqual({ reason: 'tracker-failed', message: 'not yet' })
  })

  test('while it is not true, has(id) is not asked; it is asked again each time', () => {
    let isReady = false
    let asked = 0
    const { tracker } = trackerOf({ has: () => asked++ > 5, ready: () => isReady })
    expect(tracker.ask(container)).toMatchObject({ reason: 'tracker-not-ready' })
    expect(asked).toBe(0)
    isReady = true
    expect(tracker.ask(container)).toBe('untracked')
    isReady = false
    expect(tracker.ask(container)).toMatchObject({ reason: 'tracker-not-ready' })
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
    expect(trackerOf(new Tasks()).tracker.ask(container)).toBe('tracked')
  })
})

describe('an asynchronous answer', () => {
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
      () => Promise.reject(new TrackerError('tracked-url-failed', '503')),
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
    ['a then that answers at once', () => thenable((resolve) => resolve(false)), 'untracked'],
    [
      'a then that answers and throws',
      () =>
        thenable((resolve) => {
          resolve(true)
          throw new Error('x')
        }),
      'tracked',
    ],
    [
      'a then that answers twice',
      () =>
        thenable((resolve) => {
          resolve(true)
          resolve(false)
        }),
      'tracked',
    ],
    [
      'a then that fails and answers',
      () =>
        thenable((resolve, fail) => {
          fail(new Error('x'))
          resolve(false)
        }),
      'tracker-failed',
    ],
    [
      'a then that answers with a promise',
      () => thenable((resolve) => resolve(Promise.resolve(false))),
      'tracker-invalid',
    ],
  ])('%s', async (_, has, answer) => {
    const { clock, tracker } = trackerOf({ has })
    expect(wordOf(await tracker.ask(container))).toBe(answer)
    expect(clock.pendingTimers).toBe(0)
  })

  test('no answer within the deadline spares, and the timer is gone', async () => {
    const { clock, tracker } = trackerOf({ has: () => new Promise(() => {}) })
    let answer: Answer | undefined
    void Promise.resolve(tracker.ask(container)).then((settled) => (answer = settled))
    await clock.advance(deadlineMs - 1)
    expect(answer).toBeUndefined()
    await clock.advance(1)
    expect(answer).toEqual({
      reason: 'tracker-timed-out',
      message: 'has(id) gave no answer within 5000 ms',
    })
    expect(clock.pendingTimers).toBe(0)
  })

  test.each<[string, (late: Settling) => void]>([
    ['an answer', (late) => late.resolve(false)],
    ['a rejection', (late) => late.reject(new Error('too late'))],
    ['nonsense', (late) => late.resolve('nonsense')],
  ])('%s after the deadline changes nothing and is no new failure', async (_, settle) => {
    let resolve!: (value: unknown) => void
    let reject!: (reason: unknown) => void
    const promise = new Promise<unknown>((...both) => ([resolve, reject] = both))
    const { clock, tracker } = trackerOf({ has: () => promise })
    const asked = Promise.resolve(tracker.ask(container))
    let answers = 0
    void asked.then(() => answers++)
    await clock.advance(deadlineMs)
    settle({ resolve, reject })
    await clock.settle()
    expect(await asked).toMatchObject({ reason: 'tracker-timed-out' })
    expect([answers, clock.pendingTimers]).toEqual([1, 0])
  })

  test('a second answer is no failure either', async () => {
    const has = () =>
      thenable((resolve, fail) => {
        resolve(true)
        fail(new Error('changed my mind'))
        resolve('nonsense')
      })
    const { tracker } = trackerOf({ has })
    expect(await tracker.ask(container)).toBe('tracked')
  })
})

describe('what went wrong', () => {
  test('is reported with the answer that it spoilt, and with no other', () => {
    const answers = [undefined, false]
    const { tracker } = trackerOf({ has: () => answers.shift() })
    expect(tracker.ask(container)).toEqual({
      reason: 'tracker-unknown',
      message: 'has(id) answered undefined',
    })
    expect(tracker.ask(container)).toBe('untracked')
  })

  test.each<[string, object, string]>([
    ['ready()', { has: () => false, ready: () => false }, 'ready() did not answer true'],
    ['no boolean', answering('false'), 'has(id) answered string instead of a boolean'],
    ['a key that is no id', new Set(['web']), 'its key "web" is not a full container id of 64 hex digits'],
  ])('is said: %s', (_, tracked, message) => {
    expect(trackerOf(tracked).tracker.ask(container)).toMatchObject({ message })
  })

  test('is a failure of the tracker, and an answer is none', () => {
    expect(failureOf({ reason: 'tracker-failed', message: 'boom' })).toEqual({
      about: 'tracker',
      kind: 'tracker-failed',
      message: 'boom',
    })
    expect([failureOf('tracked'), failureOf('untracked')]).toEqual([undefined, undefined])
  })

  test('is reported in one line', () => {
    const { tracker } = trackerOf(throwing(new Error('the store\n  is down')))
    expect(tracker.ask(container)).toEqual({ reason: 'tracker-failed', message: 'the store is down' })
  })

  test('of an error without a message is its name', () => {
    const { tracker } = trackerOf(throwing(new TypeError()))
    expect((tracker.ask(container) as NoAnswer).message).toBe('TypeError')
  })
})

describe('unknown-is-spared: a Map or a Set that holds anything but full ids', () => {
  const names = ['web', id.slice(0, 12), id.toUpperCase(), `/${id}`, '']

  test.each(names)('%j is no key that can be asked for', (key) => {
    for (const tracked of [new Set([key]), new Map([[key, {}]]), new Set([fakeId(2), key])])
      expect(trackerOf(tracked).tracker.ask(container)).toMatchObject({ reason: 'tracker-wrong-keys' })
  })

  test('nor is one that was added later', () => {
    const tracked = new Map<unknown, unknown>()
    const { tracker } = trackerOf(tracked)
    expect(tracker.ask(container)).toBe('untracked')
    tracked.set('web', {})
    expect(tracker.ask(container)).toMatchObject({ reason: 'tracker-wrong-keys' })
    tracked.delete('web')
    expect(tracker.ask(container)).toBe('untracked')
  })

  test('nor when it replaced another within the same moment: it is detected a second later', async () => {
    const tracked = new Set([fakeId(2) as string])
    const { clock, tracker } = trackerOf(tracked)
    await clock.advance(5000)
    expect(tracker.ask(container)).toBe('untracked')
    tracked.clear()
    tracked.add('web')
    await clock.advance(999)
    expect(tracker.ask(container)).toBe('untracked')
    await clock.advance(1)
    expect(tracker.ask(container)).toMatchObject({ reason: 'tracker-wrong-keys' })
  })

  test('a key that is not a string is refused too', () => {
    expect(trackerOf(new Map([[{ id }, 1]])).tracker.ask(container)).toMatchObject({
      reason: 'tracker-wrong-keys',
    })
  })
})

describe('the second argument of has', () => {
  test('has what the listing says, and cannot be changed', () => {
    const listed = summary({
      id,
      names: ['web', 'alias'],
      image: 'nginx:1',
      createdAtMs: 5,
      labels: { a: 'b' },
    })
    let reported: TrackedContainer | undefined
    const has = (_id: string, about: TrackedContainer) => ((reported = about), false)
    void trackerOf({ has }).tracker.ask(listed)
    expect(reported).toEqual({
      id,
      name: 'web',
      names: ['web', 'alias'],
      image: 'nginx:1',
      state: 'running',
      labels: { a: 'b' },
      createdAt: 5,
    })
    for (const part of [reported, reported?.names, reported?.labels]) expect(Object.isFrozen(part)).toBe(true)
  })

  test('lets an agent register by name before it creates', () => {
    const names = new Set(['web'])
    const has = (_id: string, { name }: TrackedContainer) => names.has(name)
    const { tracker } = trackerOf({ has })
    expect(tracker.ask(summary({ id, name: 'web' }))).toBe('tracked')
    expect(tracker.ask(summary({ id, name: 'other' }))).toBe('untracked')
  })
})

test('an agent that tracks nothing says so explicitly', () => {
  expect(trackerOf(nothingTracked).tracker.tracksNothing).toBe(true)
  expect(trackerOf(new Set()).tracker.tracksNothing).toBe(false)
  expect(trackerOf(nothingTracked).tracker.ask(container)).toBe('untracked')
})
