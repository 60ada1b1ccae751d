import type { EventOf, Reason, ReportedContainer, VerdictName } from '../index.ts'

/** How the story of one container ended for a sweep. */
export type Settled =
  | { readonly as: 'removed' | 'vanished' }
  /** No longer to be removed: adopted, spared or not the owner's any more. */
  | {
      readonly as: 'let-live'
      readonly verdict: VerdictName | 'foreign'
      readonly reason: Reason | 'not-owned'
    }
  | { readonly as: 'failed'; readonly error: string }

/** What a settlement is told of, by event name. */
export const heardEvents = [
  'discovered',
  'classified',
  'removed',
  'vanished',
  'released',
  'removeFailed',
  'stuck',
  'looked',
] as const
export type HeardEvent = {
  [TName in (typeof heardEvents)[number]]: EventOf<TName>
}[(typeof heardEvents)[number]]

/** So many failures are enough for a command that somebody waits for. */
const mostFailures = 3

/** Follows those that a sweep is to remove, and no others, until each one's story has ended. */
export class Settlement {
  readonly #containers: ReadonlyMap<string, ReportedContainer>
  readonly #settled = new Map<string, Settled>()
  readonly #seen = new Set<string>()
  readonly #lastErrors = new Map<string, string>()
  #hasLooked = false

  constructor(dangling: readonly ReportedContainer[]) {
    this.#containers = new Map(dangling.map((container) => [container.id, container]))
  }

  get total(): number {
    return this.#containers.size
  }

  get settledCount(): number {
    return this.#settled.size
  }

  get isOver(): boolean {
    return this.#settled.size === this.#containers.size
  }

  /** Whether a sweep may remove it: dangling in the look that it began with. */
  covers(id: string): boolean {
    return this.#containers.has(id)
  }

  hear(event: HeardEvent): void {
    if (event.type === 'looked') this.#noteLook()
    else if (this.covers(event.id)) this.#hearOf(event)
  }

  /** What became of each one; undefined where nobody can say. */
  *outcomes(): Iterable<readonly [ReportedContainer, Settled | undefined]> {
    for (const [id, container] of this.#containers)
      yield [container, this.#settled.get(id) ?? this.#unfinished(id)]
  }

  /** One that failed and was not tried to the end has failed; of one that never answered nothing is known. */
  #unfinished(id: string): Settled | undefined {
    const error = this.#lastErrors.get(id)
    return error === undefined ? undefined : { as: 'failed', error }
  }

  /** What the first look of its own no longer shows was gone before anything could be done. */
  #noteLook(): void {
    if (this.#hasLooked) return
    this.#hasLooked = true
    for (const id of this.#containers.keys())
      if (!this.#seen.has(id)) this.#settled.set(id, { as: 'vanished' })
  }

  #hearOf(event: Exclude<HeardEvent, EventOf<'looked'>>): void {
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
        this.#settled.set(id, { as: 'let-live', verdict: 'foreign', reason: 'not-owned' })
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

  #noteVerdict({ id, verdict, reason }: EventOf<'classified'>): void {
    // Dangling again is removed again; a recovery grace ends by itself within the time that a sweep has.
    if (verdict === 'dangling' || reason === 'recovery-grace') this.#reopen(id)
    else this.#settled.set(id, { as: 'let-live', verdict, reason })
  }

  #reopen(id: string): void {
    if (this.#settled.get(id)?.as === 'let-live') this.#settled.delete(id)
  }
}
