import { beforeEach, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'
import { DelayedEvents } from '../../src/containers/delayed-events.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const actorOf = (id: string) => ({ id }) as AnyActorRef
const [one, other] = [actorOf('one'), actorOf('other')]

let clock: ReturnType<typeof createFakeClock>
let delivered: string[]
let events: DelayedEvents
let whenDelivered: () => void

beforeEach(() => {
  clock = createFakeClock()
  delivered = []
  whenDelivered = () => {}
  events = new DelayedEvents(clock, (actor, { type }) => {
    delivered.push(`${actor.id} ${type}`)
    whenDelivered()
  })
})

test('events are delivered when they are due, and in the order of their scheduling where they are due together', async () => {
  events.schedule(one, { type: 'late' }, 30, 'late')
  events.schedule(one, { type: 'first' }, 20, 'first')
  events.schedule(other, { type: 'second' }, 20, 'second')
  await clock.advance(19)
  expect(delivered).toEqual([])
  await clock.advance(1)
  expect(delivered).toEqual(['one first', 'other second'])
  await clock.advance(10)
  expect(delivered).toEqual(['one first', 'other second', 'one late'])
})

test('one timer serves all events, and none is left without any', async () => {
  for (let ms = 1; ms <= 50; ms++) events.schedule(one, { type: 'due' }, ms, `due-${ms}`)
  expect(clock.pendingTimers).toBe(1)
  await clock.advance(25)
  expect([delivered.length, clock.pendingTimers]).toEqual([25, 1])
  events.cancelAll(one)
  expect(clock.pendingTimers).toBe(0)
})

test('a cancelled event is not delivered; those of other names and other actors are', async () => {
  for (const actor of [one, other]) {
    events.schedule(actor, { type: 'a' }, 10, 'a')
    events.schedule(actor, { type: 'b' }, 10, 'b')
  }
  events.cancel(one, 'a')
  events.cancel(one, 'missing')
  await clock.advance(10)
  expect(delivered).toEqual(['one b', 'other a', 'other b'])
})

test('an event that is scheduled during a delivery waits for the next one, also without a delay', async () => {
  whenDelivered = () => events.schedule(one, { type: 'again' }, 0, 'again')
  events.schedule(one, { type: 'due' }, 1, 'due')
  await clock.advance(3)
  expect(delivered).toEqual(['one due', 'one again', 'one again'])
})

test('a delivery that throws keeps no other from being delivered', async () => {
  whenDelivered = () => {
    whenDelivered = () => {}
    throw new Error('from an actor')
  }
  events.schedule(one, { type: 'due' }, 1, 'due')
  events.schedule(other, { type: 'due' }, 1, 'due')
  await expect(clock.advance(1)).rejects.toThrow('from an actor')
  await clock.advance(1)
  expect(delivered).toEqual(['one due', 'other due'])
})

test('deliveries that take longer than a slice yield a turn in between', async () => {
  let spentMs = 0
  const turns: number[] = []
  const counting = {
    ...clock,
    now: () => clock.now() + spentMs,
    setTimeout: (run: () => void, delayMs: number) =>
      clock.setTimeout(() => {
        turns.push(0)
        run()
      }, delayMs),
  }
  const slow = new DelayedEvents(counting, () => {
    spentMs++
    turns.push((turns.pop() ?? 0) + 1)
  })
  for (let count = 0; count < 5; count++) slow.schedule(one, { type: 'due' }, 1, `due-${count}`)
  await clock.advance(10)
  expect(turns).toEqual([2, 2, 1])
})
