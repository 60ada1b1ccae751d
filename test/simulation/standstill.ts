import type { Agent } from './agent.ts'
import type { SimulatedEngine } from './engine/engine.ts'
import type { Outage } from './plan.ts'
import type { Safety } from './safety/safety.ts'
import type { Setting } from './setting.ts'
import type { Machine, Process, Timeline } from './timeline.ts'
import type { Word } from './vocabulary.ts'

export interface StandstillOptions {
  readonly timeline: Timeline
  readonly engine: SimulatedEngine
  readonly safety: Safety
  readonly machine: Machine
  readonly setting: Setting
  /** The life of the process that goes on now. */
  readonly current: () => { readonly process: Process; readonly agent: Agent }
  readonly say: (text: string) => void
  readonly note: (word: Word) => void
}

/** Times in which the process, its machine or the engine stands still, and what the agent makes of them when they end. */
export class Standstill {
  readonly #options: StandstillOptions
  #outageBeganMs: number | undefined
  /** How long an outage that ended while the process was frozen was known to last. */
  #reportedAfterThawMs: number | undefined
  #frozen: { readonly process: Process; readonly fromMs: number; readonly isSuspended: boolean } | undefined

  constructor(options: StandstillOptions) {
    this.#options = options
  }

  cutOff(how: Outage): void {
    const { engine, say, timeline } = this.#options
    say(`engine is ${how}`)
    this.#outageBeganMs = timeline.nowMs
    if (how === 'down') engine.crash()
    else engine.wedge()
  }

  recover(): void {
    const { current, engine, safety, say, timeline } = this.#options
    const { outSinceMs } = safety.life ?? {}
    engine.recover()
    say('engine is up')
    const beganMs = this.#outageBeganMs ?? timeline.nowMs
    this.#outageBeganMs = undefined
    // A stall within the outage is counted as such.
    const awakeUntilMs = this.#frozen?.fromMs ?? timeline.nowMs
    const noticedMs =
      outSinceMs === undefined
        ? 0
        : Math.max(0, safety.time.between(Math.max(outSinceMs, beganMs), awakeUntilMs))
    if (this.#frozen) this.#reportedAfterThawMs = noticedMs
    else current().agent.engineCameBack(noticedMs)
  }

  /** The agent and Flotsam are one process, and stand still together. */
  freeze(ms: number, isSuspended: boolean): void {
    const { current, note, say, timeline } = this.#options
    const { agent, process } = current()
    if (process.isFrozen || process.isDead) return
    if (agent.promised.size > 0) note('agent:frozen-agent')
    process.freeze()
    say(`process ${isSuspended ? 'and its machine are suspended' : 'is frozen'} for ${ms} ms`)
    const frozen = { process, fromMs: timeline.nowMs, isSuspended }
    this.#frozen = frozen
    timeline.after(ms, () => {
      if (this.#frozen === frozen) this.thaw(ms % 10 < 3)
    })
  }

  thaw(readsInputFirst: boolean): void {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (!frozen) return
    const { current, machine, note, safety, setting, say, timeline } = this.#options
    const { process, fromMs, isSuspended } = frozen
    const { agent, process: currentProcess } = current()
    const forMs = timeline.nowMs - fromMs
    if (isSuspended) machine.suspendedMs += forMs
    const reportedMs = this.#reportedAfterThawMs
    this.#reportedAfterThawMs = undefined
    if (process !== currentProcess || process.isDead) return
    const stallMs = Math.min(3000, Math.max(1000, setting.creationGraceMs / 4))
    if (forMs > stallMs) {
      safety.stalled(fromMs)
      agent.stalledFor(forMs)
    }
    if (reportedMs !== undefined) agent.engineCameBack(reportedMs)
    if (process.hasInput) note(readsInputFirst ? 'agent:input-before-timers' : 'agent:timers-before-input')
    process.thaw(readsInputFirst)
    say('process goes on')
  }
}
