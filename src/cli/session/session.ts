import { messageOf, SessionError } from '../../domain/errors.ts'
import type { Logger } from '../../domain/logger.ts'
import type { Session } from '../../domain/session.ts'
import { printable } from '../../domain/show.ts'
import { nothingTracked } from '../../index.ts'
import { coverableStates } from '../../options/schema.ts'
import { openSession } from '../../sessions/index.ts'
import { diagnosticLog } from '../diagnostics.ts'
import { type Flags, optionsFrom } from '../flags.ts'
import { within } from '../process/deadline.ts'
import { EndRequests } from '../process/end-requests.ts'
import { longestSessionGraceMs } from '../sweep.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from '../world.ts'
import { runChild } from './child.ts'
import { EndedSessions } from './ended-sessions.ts'
import { removeOwn } from './own-containers.ts'
import { openStoreOrDefault } from './store.ts'
import { variablesOf } from './variables.ts'

const longestOpenMs = 10_000
const longestCloseMs = 5000
/** After a signal: for what the library does not expect itself. */
const longestStopMs = 7000

/** Holds a session while a command runs, and ends with its exit code. */
export async function session(command: readonly string[], flags: Flags, world: CliWorld): Promise<ExitCode> {
  const store = await openStoreOrDefault(flags.sessions, world.clock)
  const opening = openSession({ leases: store.leases })
  const opened = await within(opening, longestOpenMs, refuseLate, world.clock)
  try {
    return await runIn(opened, { command, settlingMs: store.settlingMs }, flags, world)
  } finally {
    await close(opened, world)
    store.close()
  }
}

async function runIn(
  opened: Session,
  { command, settlingMs }: { readonly command: readonly string[]; readonly settlingMs: number },
  flags: Flags,
  world: CliWorld,
): Promise<ExitCode> {
  const { label = '' } = flags.owner ?? {}
  const { id, lost } = opened
  const noteLoss = () =>
    say(world, `session ${id}: ${messageOf(lost.reason)}; other sessions may remove its containers`)
  lost.addEventListener('abort', noteLoss, { once: true })
  const cleaning = flags.sweep && new Cleaning(opened, { label, settlingMs }, flags, world)
  cleaning?.start()
  const code = await runChild(command, { ...world.env, ...variablesOf(label, id) }, world)
  lost.removeEventListener('abort', noteLoss)
  const left = (await cleaning?.finish()) ?? []
  for (const line of left) say(world, line)
  return code === exitDone && left.length > 0 ? exitFailed : code
}

/** What `--sweep` does: beside the command, and after it. */
class Cleaning {
  readonly #owner: { readonly label: string; readonly value: string }
  readonly #options: ReturnType<typeof optionsFrom>
  readonly #ended: EndedSessions
  /** From then on the store knows which sessions have ended. */
  readonly #settledMs: number
  readonly #world: CliWorld

  constructor(
    opened: Session,
    { label, settlingMs }: { label: string; settlingMs: number },
    flags: Flags,
    world: CliWorld,
  ) {
    this.#world = world
    this.#owner = { label, value: opened.id }
    this.#options = {
      ...optionsFrom(flags, nothingTracked),
      ...withoutLosses(diagnosticLog(flags, world)),
      // nothing of an ended session is of use, and a session has nothing to restore
      states: flags.states ?? coverableStates,
      restoreGrace: flags.restoreGrace ?? 0,
      // no event says that a session has ended
      period: flags.period ?? '15s',
    }
    this.#ended = new EndedSessions(this.#options, { label, session: opened }, world)
    this.#settledMs = performance.now() + settlingMs
  }

  start(): void {
    this.#ended.start()
  }

  /** Resolves with what is left because something failed, is unknown, or took too long. */
  async finish(): Promise<readonly string[]> {
    const requests = new EndRequests(this.#world)
    void requests.first.then(() => this.#ended.stop())
    try {
      const own = await this.#unlessAsked(requests, 'the containers of this session', () =>
        removeOwn(this.#options, this.#owner, this.#world),
      )
      const others =
        own.length > 0 || this.#options.dryRun
          ? []
          : await this.#unlessAsked(requests, 'the containers of ended sessions', () =>
              this.#awaitOthers(requests),
            )
      return [...own, ...others]
    } finally {
      await Promise.race([this.#ended.stop(), requests.second])
      requests.forget()
    }
  }

  #awaitOthers(requests: EndRequests): Promise<readonly string[]> {
    const onWait = (count: number, limitMs: number) => {
      const those = count === 1 ? '1 container' : `${count} containers`
      this.#world.stderr.write(
        `waiting for ${those} of ended sessions, at most ${Math.ceil(limitMs / 1000)} s; SIGINT ends the waiting\n`,
      )
    }
    const longestMs = longestSessionGraceMs({ ...this.#options, owner: this.#owner })
    const settlesInMs = Math.max(0, this.#settledMs - performance.now())
    return this.#ended.finish({ longestMs, settlesInMs, asked: requests.first, onWait })
  }

  /** What is under way when a signal asks for the end gets a bounded time, and none at the second one. */
  async #unlessAsked(
    { first, second }: EndRequests,
    what: string,
    act: () => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const { clock } = this.#world
    const late = first.then(() => new Promise<void>((resolve) => clock.setTimeout(resolve, longestStopMs)))
    const interrupted = Promise.race([late, second]).then(() => [`${what} may be left: interrupted`])
    const done = act().catch((error: unknown) => [`${what} may be left: ${messageOf(error)}`])
    return Promise.race([done, interrupted])
  }
}

async function close(opened: Session, world: CliWorld): Promise<void> {
  try {
    await within(opened.close(), longestCloseMs, refuseLate, world.clock)
  } catch (error) {
    say(world, `session ${opened.id} is not closed: ${messageOf(error)}`)
  }
}

function refuseLate(): never {
  throw new SessionError('the store of sessions does not answer')
}

function say({ stderr }: CliWorld, what: string): void {
  stderr.write(`error: ${printable(what)}\n`)
}

/** What the command removes itself is no loss. */
function withoutLosses({ logger }: { readonly logger?: Logger }): { readonly logger?: Logger } {
  if (!logger) return {}
  return {
    logger: {
      debug: logger.debug.bind(logger),
      info: logger.info.bind(logger),
      error: logger.error.bind(logger),
      warn: (fields, message) => {
        if (!('event' in fields) || fields.event !== 'lost') logger.warn(fields, message)
      },
    },
  }
}
