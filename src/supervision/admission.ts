import type { Clock } from '../clock.ts'
import type { Agenda } from './agenda.ts'
import type { Fleet } from './fleet.ts'
import type { Removals } from './removals.ts'
import type { VerdictWindow } from './verdict-window.ts'

export interface AdmissionOptions {
  readonly clock: Clock
  readonly agenda: Agenda
  readonly fleet: Fleet
  readonly removals: Removals
  readonly window: VerdictWindow
}

/** What the supervisor does after an admission. */
export interface AdmissionNext {
  readonly askForLook: () => void
  readonly admitAgain: () => void
}

/** Gives free places among the removals to those that wait, for as long as their verdicts stand. */
export class Admission {
  readonly #options: AdmissionOptions
  #placeTimer: unknown

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  admit({ askForLook, admitAgain }: AdmissionNext): void {
    const { agenda, clock, fleet, removals, window } = this.#options
    clock.clearTimeout(this.#placeTimer)
    while (window.isOpen) {
      const id = removals.admitNext()
      if (id === undefined) break
      fleet.start(id)
    }
    const isExpired = removals.queued > 0 && window.hasExpired
    const isNextWanted = removals.wantsNextBatch && window.isOpen
    if ((isExpired || isNextWanted) && !agenda.isLooking) {
      agenda.wish(isExpired ? 'soon' : 'now')
      askForLook()
    }
    if (isExpired) return
    const untilPlaceMs = removals.untilPlaceFreesMs()
    if (untilPlaceMs !== undefined) this.#placeTimer = clock.setTimeout(admitAgain, untilPlaceMs)
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#placeTimer)
  }
}
