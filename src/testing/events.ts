import type { Container } from './model.ts'

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network'
  readonly action: string
  readonly actorId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly atMs: number
  /** As the engine sends it. */
  readonly json: string
}

/** As many as an engine remembers for those who ask with `since`. */
const rememberedEvents = 256

/** What happened, told to whoever listens now and remembered for a while. */
export class EventLog {
  readonly #now: () => number
  readonly #listeners = new Set<(event: EngineEvent) => void>()
  #remembered: EngineEvent[] = []
  #count = 0

  constructor(now: () => number) {
    this.#now = now
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  emit(type: EngineEvent['type'], action: string, actorId: string, attributes: Record<string, string>): void {
    const atMs = this.#now()
    this.#count += 1
    const event = { type, action, actorId, attributes, atMs }
    const told: EngineEvent = { ...event, json: serialise(event, this.#count) }
    if (this.#remembered.length >= 2 * rememberedEvents) {
      this.#remembered = this.#remembered.slice(-rememberedEvents)
    }
    this.#remembered.push(told)
    for (const listener of this.#listeners) listener(told)
  }

  emitOfContainer(action: string, container: Container, more: Record<string, string> = {}): void {
    const image = container.image === '' ? {} : { image: container.image }
    this.emit('container', action, container.id, {
      ...container.labels,
      ...more,
      ...image,
      name: container.name,
    })
  }

  since(fromMs: number): readonly EngineEvent[] {
    return this.#remembered.slice(-rememberedEvents).filter((event) => event.atMs >= fromMs)
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

function serialise(event: Omit<EngineEvent, 'json'>, count: number): string {
  const { type, action, actorId, attributes, atMs } = event
  const from = attributes['image']
  const body = {
    ...(type === 'container' || type === 'image' ? { status: action, id: actorId } : {}),
    ...(type === 'container' && from !== undefined ? { from } : {}),
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
