import type { AwakeClock } from '../awake.ts'
import type { Clock } from '../clock.ts'

/** fresh-look: how long after its look a verdict may still lead to a removal. */
export const verdictLifeMs = 5000

/**
 * The one place that says whether verdicts may still be acted upon. They may while their look is the last one, at most
 * 5 s old, the engine is up, the process did not stall since, and nobody asked to stop.
 */
export class VerdictWindow {
  readonly #clock: Clock
  readonly #awake: AwakeClock
  readonly #recoveryGraceMs: number
  #lookNumber = 0
  #judgedInFull = false
  #endedMs = 0
  #isHeld = false
  #isQuiet = false
  #recoveryEndsMs: number | undefined

  constructor(clock: Clock, awake: AwakeClock, recoveryGraceMs: number) {
    this.#clock = clock
    this.#awake = awake
    this.#recoveryGraceMs = recoveryGraceMs
  }

  /** A new listing came back: every earlier verdict has expired. */
  open(lookNumber: number): void {
    this.#lookNumber = lookNumber
    this.#endedMs = this.#clock.now()
    this.#judgedInFull = false
  }

  /** The whole listing has been judged, and what must be judged as a whole was. */
  judgedInFull(): void {
    this.#judgedInFull = true
  }

  /** Nothing said so far may be acted upon; the next look starts afresh. */
  close(): void {
    this.#judgedInFull = false
  }

  /** The engine is down, or up again. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
  }

  quieten(): void {
    this.#isQuiet = true
  }

  /** After a stall or an outage nothing is removed for a while, counted from now. */
  startRecovery(): void {
    this.close()
    this.#recoveryEndsMs = this.#awake.now() + this.#recoveryGraceMs
  }

  /** When the recovery grace ends, on the awake clock; undefined when there was none. */
  get recoveryEndsMs(): number | undefined {
    return this.#recoveryEndsMs
  }

  get isQuiet(): boolean {
    return this.#isQuiet
  }

  /** Whether a verdict of that look may lead to a removal at this very moment. */
  stands(lookNumber: number): boolean {
    return lookNumber === this.#lookNumber && this.isOpen
  }

  /** Whether the last look's verdicts may lead to removals at this very moment. */
  get isOpen(): boolean {
    const awakeMs = this.#awake.now()
    const isRecovered = this.#recoveryEndsMs === undefined || awakeMs >= this.#recoveryEndsMs
    return !this.#isQuiet && !this.#isHeld && this.#judgedInFull && isRecovered && !this.#isOld
  }

  /** Whether nothing but age is wrong with the last look's verdicts: a new look is all that is missing. */
  get hasExpired(): boolean {
    return !this.#isQuiet && !this.#isHeld && this.#judgedInFull && this.#isOld
  }

  get #isOld(): boolean {
    return this.#clock.now() - this.#endedMs > verdictLifeMs
  }
}
