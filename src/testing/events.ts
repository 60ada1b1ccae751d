import type { Dialect } from './dialect.ts'
import type { Container } from './model.ts'

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network'
  readonly action: string
  readonly actorId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly atMs: number
  /** The event as sent, with `status`, `id` and `from`; from API 1.52 on without them. */
  readonly json: string
  readonly plainJson: string
}

/** The number of events that an engine remembers for requests with `since`. */
const rememberedEvents = 256

/** Sends events to the current listeners, and remembers the last ones. */
export class EventLog {
  readonly #now: () => number
  readonly #dialect: Dialect
  readonly #listeners = new Set<(event: EngineEvent) => void>()
  #remembered: EngineEvent[] = []
  #count = 0

  constructor(now: () => number, dialect: Dialect) {
    this.#now = now
    this.#dialect = dialect
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  emit(
    type: EngineEvent['type'],
    action: string,
    actorId: string,
    attributes: Record<string, string>,
    atMs = this.#now(),
  ): void {
    this.#count += 1
    const event = { type, action, actorId, attributes, atMs }
    const count = this.#count
    const reported: EngineEvent = {
      ...event,
      json: serialise(event, count, true),
      get plainJson() {
        return serialise(event, count, false)
      },
    }
    if (this.#remembered.length >= 2 * rememberedEvents) {
      this.#remembered = this.#remembered.slice(-rememberedEvents)
    }
    this.#remembered.push(reported)
    for (const listener of this.#listeners) listener(reported)
  }

  emitOfContainer(
    action: string,
    container: Container,
    more: Record<string, string> = {},
    atMs?: number,
  ): void {
    const image = container.image === '' ? {} : { image: container.image }
    for (const word of this.#dialect.eventWords(action)) {
      const attributes = {
        ...container.labels,
        ...more,
        ...this.#dialect.eventAttributes(word, container),
        ...image,
        name: container.name,
      }
      this.emit('container', word, container.id, attributes, atMs)
    }
  }

  since(fromMs: number): readonly EngineEvent[] {
    const remembered = this.#remembered.slice(-rememberedEvents).filter(({ atMs }) => atMs >= fromMs)
    return remembered.toSorted((one, other) => one.atMs - other.atMs)
  }

  subscribe(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Drops all listeners and remembered events, as a restart of the engine does. */
  forget(): void {
    this.#remembered = []
    this.#listeners.clear()
  }
}

function serialise(
  event: Omit<EngineEvent, 'json' | 'plainJson'>,
  count: number,
  isWithOldFields: boolean,
): string {
  const { type, action, actorId, attributes, atMs } = event
  const from = attributes['image']
  const oldFields = {
    ...(type === 'container' || type === 'image' ? { status: action, id: actorId } : {}),
    ...(type === 'container' && from !== undefined ? { from } : {}),
  }
  const body = {
    ...(isWithOldFields ? oldFields : {}),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
    time: Math.floor(atMs / 1000),
  }
  // nanoseconds since 1970 exceed a JavaScript number's precision, so they are written as digits
  const nanos = `${Math.floor(atMs)}${String(count % 1_000_000).padStart(6, '0')}`
  return `${JSON.stringify(body).slice(0, -1)},"timeNano":${nanos}}\n`
}
