import type { Machine } from './machine.ts'
import type { WireSnapshot } from './message.ts'
import type { Step } from './step.ts'

/** One actor. Immutable: each change creates a new object, so that a paused page shows the past. */
export interface Actor {
  readonly sessionId: string
  readonly rootId: string
  readonly parentId: string | undefined
  readonly name: string
  /** Undefined for logic that is not a machine, and before the actor message. */
  readonly machine: Machine | undefined
  readonly snapshot: WireSnapshot
  readonly state: string
  /** When its state last changed, by the sender's clock. */
  readonly enteredAt: number
  readonly step: Step | undefined
  /** Its actor message has been received. */
  readonly isIntroduced: boolean
  readonly introducedAt: number
  /** A snapshot has been received since its actor message. */
  readonly isUpdated: boolean
}
