import type { Dialect } from './dialect.ts'
import type { Container } from './model.ts'

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network'
  readonly action: string
  readonly actorId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly atMs: number
  /** As the engine sends it, with `status`, `id` and `from`; and, from 1.52 of the API on, without them. */
  readonly json: string
  readonly plainJson: string
}

/** As many as an engine remembers for those who ask with `since`. */
const rememberedEvents = 256

/** What happened, told to whoever listens now and remembered for a while. */
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

  /** As after a restart of the engine: nobody listens any more and nothing is remembered. */
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
  // nanoseconds since 1970 are beyond what a JavaScript number holds exactly, so they are written as digits
  const nanos = `${Math.floor(atMs)}${String(count % 1_000_000).padStart(6, '0')}`
  return `${JSON.stringify(body).slice(0, -1)},"timeNano":${nanos}}\n`
}
