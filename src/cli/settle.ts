import type { Reconciler, Subscription } from '../index.ts'
import { EndRequests } from './process/end-requests.ts'
import { type SettlementEvent, settlementEvents, type Settlement } from './settlement.ts'
import type { CliWorld } from './world.ts'

/** Why a sweep stopped waiting. */
export type SweepEnd = 'settled' | 'engine-down' | 'no-news' | 'too-long' | 'interrupted' | 'crashed'

/** How long the engine may be away before the rest is called unknown. */
const longestOutageMs = 30_000
/** Longer than any single request and the pause before the next one. */
const longestSilenceMs = 150_000
/** However much there is news: so long, and so much more for each container. */
const longestSweepMs = 600_000
const longestSweepPerContainerMs = 5000
/** A verdict that is no scan's is followed by nothing. */
const longestReportingMs = 1000
/** Timers take no more. */
const longestTimerMs = 2 ** 31 - 1

/** Hears of each event as it happens. */
export interface SweepListener {
  received(event: SettlementEvent, settlement: Settlement): void
  /** Called from the start on, now and then, until `over()`. */
  begin(settlement: Settlement): void
  over(): void
}

export interface SettleOptions {
  readonly listener: SweepListener
  /** How long the grace may last that is waited for. */
  readonly graceMs: number
}

/** Lets the reconciler work until everything is settled, or until waiting on makes no sense; then stops it. */
export async function settle(
  reconciler: Reconciler,
  settlement: Settlement,
  world: CliWorld,
  { listener, graceMs }: SettleOptions,
): Promise<SweepEnd> {
  const wait = new Wait(reconciler, settlement, world, { listener, graceMs })
  listener.begin(settlement)
  reconciler.start()
  const ended = await wait.ended
  await Promise.race([reconciler.stop(), wait.interruptedAgain])
  wait.close()
  listener.over()
  // What was answered while it stopped counts as well.
  return settlement.isOver ? 'settled' : ended
}

class Wait {
  readonly ended: Promise<SweepEnd>
  /** Resolves if the user does not want to wait for what is under way either. */
  readonly interruptedAgain: Promise<void>
  readonly #clock: CliWorld['clock']
  readonly #subscriptions: Subscription[] = []
  readonly #requests: EndRequests
  #end: (end: SweepEnd) => void = () => {}
  #timers: { outage?: unknown; silence?: unknown; total?: unknown; settled?: unknown } = {}

  constructor(
    reconciler: Reconciler,
    settlement: Settlement,
    world: CliWorld,
    { listener, graceMs }: SettleOptions,
  ) {
    this.#clock = world.clock
    this.ended = new Promise((resolve) => (this.#end = resolve))
    const receive = (event: SettlementEvent) => {
      settlement.receive(event)
      listener.received(event, settlement)
      this.#clock.clearTimeout(this.#timers.settled)
      // A scan emits why it spared something after its verdicts.
      if (settlement.isOver && event.type === 'classified')
        this.#restart('settled', longestReportingMs, 'settled')
      else if (settlement.isOver) this.#end('settled')
      // Scans and their verdicts go on whatever happens, so they are no news.
      else if (event.type !== 'scanned' && event.type !== 'classified')
        this.#restart('silence', longestSilenceMs + graceMs, 'no-news')
    }
    for (const name of settlementEvents) {
      this.#subscriptions.push(reconciler.on<SettlementEvent['type']>(name, receive))
    }
    this.#subscriptions.push(
      reconciler.on('engineDown', () => this.#restart('outage', longestOutageMs, 'engine-down')),
      reconciler.on('engineUp', () => this.#clock.clearTimeout(this.#timers.outage)),
      reconciler.on('crashed', () => this.#end('crashed')),
    )
    this.#requests = new EndRequests(world)
    void this.#requests.first.then(() => this.#end('interrupted'))
    this.interruptedAgain = this.#requests.second
    const totalMs = longestSweepMs + longestSweepPerContainerMs * settlement.total + graceMs
    this.#restart('total', totalMs, 'too-long')
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    for (const timer of Object.values(this.#timers)) this.#clock.clearTimeout(timer)
    this.#requests.forget()
  }

  #restart(name: 'outage' | 'silence' | 'total' | 'settled', afterMs: number, end: SweepEnd): void {
    this.#clock.clearTimeout(this.#timers[name])
    this.#timers[name] = this.#clock.setTimeout(() => this.#end(end), Math.min(afterMs, longestTimerMs))
  }
}
