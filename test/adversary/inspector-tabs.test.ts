import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { type AnyActorRef, createActor, fromTransition } from 'xstate'
import { Presenter, presentAsIs } from '../../src/inspector/present.ts'
import { Sessions } from '../../src/inspector/sessions.ts'
import { Tab } from '../../src/inspector/tab.ts'

/** A connection whose other end reads nothing. */
class StuckConnection extends EventEmitter {
  readonly readyState = 1
  readonly bufferedAmount = Infinity
  closedWith: number | undefined
  send(): void {}
  cork(): void {}
  uncork(): void {}
  terminate(): void {}
  close(code: number): void {
    this.closedWith = code
  }
}

test('flat: a tab that never reads is closed once more actors are pending than are kept', () => {
  const most = 100
  const sessions = new Sessions({ sessions: most, events: 0, presenter: new Presenter(presentAsIs) })
  let scope: { self: AnyActorRef } | undefined
  createActor(
    {
      ...fromTransition(() => 0, 0),
      start: (_snapshot: unknown, given: unknown) => void (scope = given as typeof scope),
    },
    { inspect: (event) => sessions.receive(event) },
  ).start()
  const connection = new StuckConnection()
  const tab = new Tab({
    webSocket: connection as unknown as WebSocket,
    socket: connection as unknown as Duplex,
    sessions,
    mostWaiting: 2 * most,
  })
  const appear = (count: number) => {
    for (let made = 0; made < count; made++) {
      createActor(
        fromTransition(() => 0, 0),
        { parent: scope?.self as never },
      ).start()
    }
  }
  appear(most)
  expect(connection.closedWith).toBeUndefined()
  appear(2 * most)
  expect(sessions.size).toBeLessThanOrEqual(most)
  expect(connection.closedWith).toBe(1013)
  sessions.unwatch(tab)
})
