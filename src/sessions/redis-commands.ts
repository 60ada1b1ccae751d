import type { Clock } from '../domain/clock.ts'
import { messageOf, SessionError } from '../domain/errors.ts'
import type { RedisClient } from './redis-options.ts'

/** A complete answer in time. */
export interface Answer {
  readonly value: unknown
  readonly sentMs: number
  readonly answeredMs: number
}

export interface Command {
  /** What the command does, for messages. */
  readonly what: string
  readonly script: string
  readonly keys: readonly string[]
  readonly args: readonly string[]
  /** Called with an answer that came too late, which the caller no longer waits for. */
  readonly onLate?: (value: unknown) => void
}

export interface CommandsOptions {
  readonly client: RedisClient
  readonly clock: Clock
  readonly deadlineMs: number
  /** A client keeps what it cannot send, so no more than this may be unanswered. */
  readonly mostUnanswered: number
}

/** Sends commands, each with a deadline of our own: a client may queue a command for as long as it is offline. */
export class Commands {
  readonly #options: CommandsOptions
  #unanswered = 0

  constructor(options: CommandsOptions) {
    this.#options = options
  }

  /** Rejects with a `SessionError` if the command fails, or is not answered in time. */
  send(command: Command): Promise<Answer> {
    const { clock, deadlineMs, mostUnanswered } = this.#options
    const { what, onLate } = command
    const sentMs = clock.now()
    return new Promise((resolve, reject) => {
      const fail = (why: string, cause?: unknown) =>
        reject(new SessionError(`redis: ${what}: ${why}`, { cause }))
      if (this.#unanswered >= mostUnanswered) {
        return fail(`not sent, since ${mostUnanswered} earlier commands are unanswered`)
      }
      let isOver = false
      const expire = () => {
        isOver = true
        fail(`no answer within ${deadlineMs} ms`)
      }
      const timer = clock.setTimeout(expire, deadlineMs)
      const settle = (inTime: (answeredMs: number) => void, late?: () => void) => {
        this.#unanswered -= 1
        clock.clearTimeout(timer)
        const answeredMs = clock.now()
        if (!isOver && answeredMs - sentMs > deadlineMs) expire()
        if (isOver) late?.()
        else inTime(answeredMs)
      }
      this.#unanswered += 1
      const work = this.#evaluate(command)
      clock.waitFor?.(work)
      void work.then(
        (value) =>
          settle(
            (answeredMs) => resolve({ value, sentMs, answeredMs }),
            () => onLate?.(value),
          ),
        (thrown) => settle(() => fail(messageOf(thrown), thrown)),
      )
    })
  }

  /** A client may also throw. */
  async #evaluate({ script, keys, args }: Command): Promise<unknown> {
    return this.#options.client.eval(script, { keys: [...keys], arguments: [...args] })
  }
}

/** The words of an answer. Clients return numbers or buffers instead, depending on how they were created. */
export function wordsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
