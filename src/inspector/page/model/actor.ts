import type { Machine } from './machine.ts'
import type { WireSnapshot } from './message.ts'
import type { Step } from './step.ts'

/** What is known of one actor. Replaced at every change, so that a picture of the past stays as it is. */
export interface Actor {
  readonly sessionId: string
  readonly rootId: string
  readonly parentId: string | undefined
  readonly name: string
  /** Undefined for logic that is no machine, and for an actor that was not announced. */
  readonly machine: Machine | undefined
  readonly snapshot: WireSnapshot
  readonly state: string
  /** When its state last changed, by the sender's clock. */
  readonly enteredAt: number
  readonly step: Step | undefined
  /** Told of by a message of its own, and not only by its snapshots. */
  readonly isIntroduced: boolean
  readonly introducedAt: number
  /** A snapshot has come since it was introduced. */
  readonly isUpdated: boolean
}
