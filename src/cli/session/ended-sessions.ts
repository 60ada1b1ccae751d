import type { Session } from '../../domain/session.ts'
import type { Reconciler, ReconcilerOptions, ReportedContainer } from '../../index.ts'
import type { CliWorld } from '../world.ts'
import { lineOn } from './own-containers.ts'

type Named = Pick<ReportedContainer, 'id' | 'name' | 'reason'>

interface WaitOptions {
  /** Graces that end later are not waited for. */
  readonly longestMs: number
  /** How long it takes until the store knows which sessions have ended. */
  readonly settlesInMs: number
  /** Resolves when the user does not want to wait any longer. */
  readonly asked: Promise<void>
  /** Called if there is something to wait for. */
  readonly onWait: (count: number, limitMs: number) => void
}

/** A scan and a removal, after the end of a grace. */
const beyondGraceMs = 5000
const stillGraced = 'its session grace has not ended'
const stillUnknown = 'whether its session has ended is unknown'
/** A guest may have guests of its own. */
const mostRounds = 5

/** Removes what ended sessions have left, while the command of this session runs. */
export class EndedSessions {
  readonly #reconciler: Reconciler
  readonly #clock: CliWorld['clock']

  constructor(
    options: ReconcilerOptions,
    { label, session }: { readonly label: string; readonly session: Session },
    world: CliWorld,
  ) {
    this.#clock = world.clock
    this.#reconciler = world.createReconciler({
      ...options,
      preset: undefined,
      owner: { label, session },
      // only the command knows which of its containers it still needs
      tracked: { has: (_id, { labels }) => labels[label] === session.id },
    })
  }

  start(): void {
    this.#reconciler.start()
  }

  /** Idempotent. */
  stop(): Promise<void> {
    return this.#reconciler.stop()
  }

  /**
   * Waits until the session graces have ended and their containers are removed. The returned lines name those that are left.
   */
  async finish(
    { longestMs, settlesInMs, asked, onWait }: WaitOptions,
    rounds = mostRounds,
  ): Promise<readonly string[]> {
    const { containers } = await this.#reconciler.scan()
    const nowMs = Date.now()
    const awaited = new Map<string, Named>()
    let limitMs = beyondGraceMs
    for (const one of containers) {
      const isUnsettled = one.reason === 'session-unknown' && settlesInMs > 0
      if (one.verdict !== 'dangling' && one.reason !== 'session-grace' && !isUnsettled) continue
      awaited.set(one.id, one)
      if (isUnsettled) limitMs = Math.max(limitMs, settlesInMs + longestMs + beyondGraceMs)
      const leftMs = (one.gracedUntil ?? nowMs) - nowMs
      limitMs = Math.max(limitMs, Math.min(leftMs, longestMs) + beyondGraceMs)
    }
    if (awaited.size === 0) return []
    onWait(awaited.size, limitMs)
    const why = await this.#untilGone(awaited, limitMs, asked)
    // Without its guests, a holder can be removed as well.
    if (awaited.size === 0 && rounds > 1)
      return this.finish({ longestMs, settlesInMs: 0, asked, onWait: () => {} }, rounds - 1)
    return [...awaited.values()].map((one) =>
      lineOn(one, why.get(one.id) ?? (one.reason === 'session-unknown' ? stillUnknown : stillGraced)),
    )
  }

  /** Takes those that are gone, or not to be removed any more, out of the map. Resolves with what failed. */
  #untilGone(
    awaited: Map<string, Named>,
    limitMs: number,
    asked: Promise<void>,
  ): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>()
    return new Promise((resolve) => {
      const end = () => {
        this.#clock.clearTimeout(timer)
        for (const subscription of subscriptions) subscription.unsubscribe()
        resolve(failures)
      }
      const settle = ({ id }: { readonly id: string }) => {
        awaited.delete(id)
        if (awaited.size === 0) end()
      }
      const timer = this.#clock.setTimeout(end, limitMs)
      void asked.then(end)
      const subscriptions = [
        this.#reconciler.on('removed', settle),
        this.#reconciler.on('vanished', settle),
        this.#reconciler.on('released', settle),
        this.#reconciler.on('removeFailed', ({ id, message }) => failures.set(id, message)),
        this.#reconciler.on('classified', (event) => {
          const isOver = event.verdict !== 'dangling' && event.verdict !== 'graced'
          if (isOver && event.reason !== 'session-unknown') settle(event)
        }),
      ]
    })
  }
}
