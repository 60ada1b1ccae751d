import type { AnyMachineSnapshot, StateValue } from 'xstate'
import { ArgumentError } from '../domain/errors.ts'
import {
  type ChartName,
  isMeant,
  noSuchContainer,
  type PlainError,
  type PlainEvent,
  type RecordedEvent,
} from './format.ts'
import type { Entry } from './read.ts'
import { attempt, type Charts, differenceOf, ourCharts, type Reached } from './step.ts'

export interface ReplayOptions {
  /** The file in errors. */
  readonly name: string
  /** Replays one container only: a full id, the start of one, or a name. */
  readonly only?: string | undefined
  /** Default: those of this release. */
  readonly charts?: Charts | undefined
}

/** What came of a replay, up to the first divergence. */
export interface Replayed {
  readonly runs: number
  /** The releases that recorded them. */
  readonly by: readonly string[]
  readonly events: number
  readonly containers: number
  readonly hasSupervisor: boolean
  /** The numbers of lines that were cut off and left out. */
  readonly cut: readonly number[]
  /** Actors that failed in the recorded run. */
  readonly failures: readonly RecordedFailure[]
  readonly divergence: Divergence | undefined
}

export interface RecordedFailure {
  readonly line: number
  readonly time: string
  readonly name: string
  readonly event: string
  readonly error: PlainError
  /** The chart fails as well; otherwise it was one of its effects. */
  readonly isOfChart: boolean
}

export interface Divergence {
  readonly line: number
  readonly time: string
  readonly actor: { readonly session: string; readonly name: string; readonly chart: ChartName }
  readonly event: PlainEvent
  readonly before: StateValue | undefined
  readonly expected: Reached
  readonly reached: Reached
}

/** An actor of the recorded run, as the charts of this release have it. */
interface Actor {
  readonly chart: ChartName
  readonly isReplayed: boolean
  snapshot: AnyMachineSnapshot | undefined
  /** As recorded. */
  readonly facts: Record<string, unknown>
}

/**
 * Feeds recorded events through the charts and compares each state with the recorded one. Nothing has an effect and no time
 * passes: what a timer, a scan or an answer led to is an event of the recording.
 *
 * @throws ArgumentError where an event belongs to no actor, or no container is the one that was named
 */
export async function replay(entries: AsyncIterable<Entry>, options: ReplayOptions): Promise<Replayed> {
  const course = new Course(options)
  for await (const entry of entries) if (course.take(entry)) break
  return course.result()
}

class Course {
  readonly #options: ReplayOptions
  readonly #charts: Charts
  readonly #actors = new Map<string, Actor>()
  readonly #by = new Set<string>()
  readonly #containers = new Set<unknown>()
  readonly #cut: number[] = []
  readonly #failures: RecordedFailure[] = []
  #hasSupervisor = false
  #runs = 0
  #events = 0
  #divergence: Divergence | undefined

  constructor(options: ReplayOptions) {
    this.#options = options
    this.#charts = options.charts ?? ourCharts
  }

  /** Returns whether the replay is over. */
  take(entry: Entry): boolean {
    switch (entry.kind) {
      case 'header':
        this.#runs++
        this.#by.add(entry.header.by)
        this.#actors.clear()
        break
      case 'event':
        this.#advance(entry.line, entry.event)
        break
      case 'cut':
        this.#cut.push(entry.line)
        break
      case 'actor':
    }
    return this.#divergence !== undefined
  }

  result(): Replayed {
    const { name, only } = this.#options
    if (only !== undefined && this.#containers.size === 0 && !this.#hasSupervisor) {
      throw noSuchContainer(name, only)
    }
    return {
      runs: this.#runs,
      by: [...this.#by],
      events: this.#events,
      containers: this.#containers.size,
      hasSupervisor: this.#hasSupervisor,
      cut: this.#cut,
      failures: this.#failures,
      divergence: this.#divergence,
    }
  }

  #advance(line: number, recorded: RecordedEvent): void {
    const actor = recorded.chart ? this.#begin(recorded, recorded.chart) : this.#actors.get(recorded.actor)
    if (!actor) {
      throw new ArgumentError(
        `${this.#options.name}:${line}: the actor ${recorded.actor} (${recorded.name}) is not running; its first event must come before, and none after its end`,
      )
    }
    if (recorded.status) this.#actors.delete(recorded.actor)
    if (!actor.isReplayed) return
    const before = actor.snapshot
    const reached = attempt(this.#charts[actor.chart], before, recorded)
    if (recorded.status === 'error' && recorded.error) {
      this.#events++
      const { time, name, event, error } = recorded
      this.#failures.push({ line, time, name, event: event.type, error, isOfChart: 'error' in reached })
      return
    }
    Object.assign(actor.facts, recorded.context)
    const difference = differenceOf(actor, recorded, reached)
    if (!difference) {
      this.#events++
      actor.snapshot = 'snapshot' in reached ? reached.snapshot : undefined
      return
    }
    this.#divergence = {
      line,
      time: recorded.time,
      actor: { session: recorded.actor, name: recorded.name, chart: actor.chart },
      event: recorded.event,
      before: before?.value as StateValue | undefined,
      ...difference,
    }
  }

  #begin({ actor: session, event, name }: RecordedEvent, chart: ChartName): Actor {
    const { only } = this.#options
    const { id, record } = inputOf(event)
    const isReplayed =
      only === undefined || (chart === 'container' && isMeant(only, id, record?.listed?.name))
    const actor: Actor = { chart, isReplayed, snapshot: undefined, facts: {} }
    this.#actors.set(session, actor)
    if (isReplayed && chart === 'container') this.#containers.add(id ?? name)
    if (isReplayed && chart === 'supervisor') this.#hasSupervisor = true
    return actor
  }
}

interface ContainerInputLike {
  readonly id?: unknown
  readonly record?: { readonly listed?: { readonly name?: unknown } }
}

function inputOf({ input }: PlainEvent): ContainerInputLike {
  return typeof input === 'object' && input !== null ? input : {}
}
