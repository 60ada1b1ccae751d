import type { EventOf, Reason, ReportedContainer, VerdictName } from '../index.ts'

/** How the story of one container ended for a sweep. */
export type Settled =
  | { readonly as: 'removed' | 'vanished' }
  /** No longer to be removed: adopted, spared or not the owner's any more. */
  | {
      readonly as: 'left'
      readonly verdict: VerdictName | 'foreign'
      readonly reason: Reason | 'not-owned'
      /** When it was decided, in milliseconds since the Unix epoch. */
      readonly at: number
    }
  | { readonly as: 'failed'; readonly error: string }

/** The events that a settlement follows. */
export const settlementEvents = [
  'discovered',
  'classified',
  'removed',
  'vanished',
  'released',
  'removeFailed',
  'stuck',
  'scanned',
] as const
export type SettlementEvent = {
  [TName in (typeof settlementEvents)[number]]: EventOf<TName>
}[(typeof settlementEvents)[number]]

/** truthful: without a request, nothing of it is unknown. */
const notBegun = 'its removal had not begun'

/** A command in the foreground gives up after this many failures. */
const mostFailures = 3

/** Follows those that a sweep is to remove, and no others, until each one's story has ended. */
export class Settlement {
  readonly #containers: ReadonlyMap<string, ReportedContainer>
  readonly #settled = new Map<string, Settled>()
  readonly #seen = new Set<string>()
  readonly #lastErrors = new Map<string, string>()
  readonly #begun = new Set<string>()
  #hasScanned = false

  constructor(candidates: readonly ReportedContainer[]) {
    this.#containers = new Map(candidates.map((container) => [container.id, container]))
  }

  get total(): number {
    return this.#containers.size
  }

  /** Whether there are candidates whose session must have ended for a grace. */
  get waitsForSessions(): boolean {
    return [...this.#containers.values()].some(({ reason }) => reason === 'session-grace')
  }

  get settledCount(): number {
    return this.#settled.size
  }

  get isOver(): boolean {
    return this.#settled.size === this.#containers.size
  }

  /** Whether a sweep may remove it: by the scan that it began with. */
  covers(id: string): boolean {
    return this.#containers.has(id)
  }

  /** The same, asked right before the first request for it. */
  mayBegin(id: string): boolean {
    this.#begun.add(id)
    return this.covers(id)
  }

  receive(event: SettlementEvent): void {
    if (event.type === 'scanned') this.#noteScan()
    else if (this.covers(event.id)) this.#note(event)
  }

  /** The outcome of each; undefined if it is unknown. */
  *outcomes(): Iterable<readonly [ReportedContainer, Settled | undefined]> {
    for (const [id, container] of this.#containers)
      yield [container, this.#settled.get(id) ?? this.#unfinished(id)]
  }

  /** One that failed and was not tried to the end has failed; of one that never answered nothing is known. */
  #unfinished(id: string): Settled | undefined {
    const error = this.#lastErrors.get(id) ?? (this.#begun.has(id) ? undefined : notBegun)
    return error === undefined ? undefined : { as: 'failed', error }
  }

  /** What the first scan of its own no longer shows was gone before anything could be done. */
  #noteScan(): void {
    if (this.#hasScanned) return
    this.#hasScanned = true
    for (const id of this.#containers.keys())
      if (!this.#seen.has(id)) this.#settled.set(id, { as: 'vanished' })
  }

  #note(event: Exclude<SettlementEvent, EventOf<'scanned'>>): void {
    const { id } = event
    switch (event.type) {
      case 'discovered':
        this.#seen.add(id)
        return
      case 'removed':
      case 'vanished':
        this.#settled.set(id, { as: event.type })
        return
      case 'released':
        this.#settled.set(id, { as: 'left', verdict: 'foreign', reason: 'not-owned', at: event.at })
        return
      case 'classified':
        this.#noteVerdict(event)
        return
      case 'removeFailed':
        this.#lastErrors.set(id, event.message)
        if (event.failures >= mostFailures) this.#settled.set(id, { as: 'failed', error: event.message })
        return
      case 'stuck':
        this.#settled.set(id, { as: 'failed', error: event.message })
    }
  }

  #noteVerdict({ id, verdict, reason, at }: EventOf<'classified'>): void {
    // Dangling again is removed again; these graces end by themselves within the time that a sweep has.
    if (verdict === 'dangling' || reason === 'recovery-grace' || reason === 'session-grace') this.#reopen(id)
    else this.#settled.set(id, { as: 'left', verdict, reason, at })
  }

  #reopen(id: string): void {
    if (this.#settled.get(id)?.as === 'left') this.#settled.delete(id)
  }
}
