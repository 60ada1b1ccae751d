import type { InspectionEvent, SnapshotFrom } from 'xstate'
import type { containerMachine } from '../../../machines/container.machine.ts'
import type { supervisorMachine } from '../../../machines/supervisor.machine.ts'
import type { Outcome, VerdictLike } from '../../../machines/types.ts'
import { type EngineHealth, healthIn } from '../../supervision/status.ts'

/** The states of a container's chart, in their usual order. */
export type ChartState = 'discovered' | 'graced' | 'classified' | 'removing' | 'gone'
export type EngineStanding = 'unwatched' | EngineHealth

/** The current state of one container's actor. */
export interface Standing {
  readonly id: string
  readonly name: string
  readonly state: ChartState
  readonly verdict: VerdictLike['verdict']
  readonly reason: string
  readonly outcome: Outcome | undefined
  /** `false`: its actor was stopped with Flotsam, and the container may still be there. */
  readonly isWatched: boolean
}

export type BoardChange =
  | {
      readonly about: 'container'
      readonly standing: Standing
      /** The states that its chart passed through, beginning with the previous one. */
      readonly path: readonly ChartState[]
    }
  | { readonly about: 'engine'; readonly health: EngineStanding }

type ContainerSnapshot = SnapshotFrom<typeof containerMachine>
type SupervisorSnapshot = SnapshotFrom<typeof supervisorMachine>

interface Row {
  standing: Standing | undefined
  path: ChartState[]
}

/**
 * The live state of every chart, from XState's inspection events. The demo computes no state itself.
 */
export class Board {
  readonly #rows = new Map<string, Row>()
  readonly #listeners = new Set<(change: BoardChange) => void>()
  readonly #called: (name: string) => string
  #health: EngineStanding = 'unwatched'

  constructor(called: (name: string) => string) {
    this.#called = called
  }

  /** For the option `inspect` of a reconciler. Several reconcilers may use it one after the other. */
  readonly inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return
    const isStep = event.type === '@xstate.microstep'
    const { snapshot } = event
    if (isContainers(snapshot)) this.#noteContainer(snapshot, event.event.type, isStep)
    else if (isSupervisors(snapshot) && !isStep) this.#noteEngine(snapshot)
  }

  get standings(): readonly Standing[] {
    return [...this.#rows.values()].flatMap(({ standing }) => standing ?? [])
  }

  get health(): EngineStanding {
    return this.#health
  }

  onChange(listener: (change: BoardChange) => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves when the condition holds; rejects on a timeout, or if the demo is interrupted. */
  until(isSo: () => boolean, what: string, limitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        clearTimeout(timer)
        this.#listeners.delete(scan)
        signal.removeEventListener('abort', interrupted)
        how()
      }
      const scan = () => {
        if (isSo()) settle(resolve)
      }
      const interrupted = () => settle(() => reject(signal.reason as Error))
      const late = () => settle(() => reject(new Error(`timed out after ${limitMs / 1000} s: ${what}`)))
      const timer = setTimeout(late, limitMs)
      this.#listeners.add(scan)
      signal.addEventListener('abort', interrupted)
      if (signal.aborted) interrupted()
      else scan()
    })
  }

  #noteContainer(snapshot: ContainerSnapshot, cause: string, isStep: boolean): void {
    const { context } = snapshot
    const row = this.#rows.get(context.id) ?? { standing: undefined, path: [] }
    this.#rows.set(context.id, row)
    const state = topOf(snapshot.value)
    // only a snapshot shows the initial state of a chart
    if (row.path.at(-1) !== state) row.path.push(state)
    if (isStep || !context.verdict) return
    const { verdict, reason } = context.verdict
    const isWatched = cause !== 'xstate.stop' || state === 'gone'
    const { id, outcome } = context
    const standing: Standing = {
      id,
      name: this.#called(context.listed.name),
      state,
      verdict,
      reason,
      outcome,
      isWatched,
    }
    // A container that is judged as before passes through `classified`, and is where it was.
    const path = row.path.length > 1 && row.path[0] === state ? [state] : row.path
    const before = row.standing
    row.standing = standing
    // the restarted agent starts a new chart
    row.path = isWatched ? [state] : []
    const isNews = path.length > 1 || before?.reason !== reason || before?.isWatched !== isWatched
    if (isNews) this.#notify({ about: 'container', standing, path })
  }

  #noteEngine(snapshot: SupervisorSnapshot): void {
    const health = healthIn(snapshot) ?? 'unwatched'
    if (health === this.#health) return
    this.#health = health
    this.#notify({ about: 'engine', health })
  }

  #notify(change: BoardChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

function isContainers(snapshot: object): snapshot is ContainerSnapshot {
  return machineIdOf(snapshot) === 'container'
}

function isSupervisors(snapshot: object): snapshot is SupervisorSnapshot {
  return machineIdOf(snapshot) === 'supervisor'
}

function machineIdOf(snapshot: object): string | undefined {
  return (snapshot as { readonly machine?: { readonly id: string } }).machine?.id
}

function topOf(value: ContainerSnapshot['value']): ChartState {
  return typeof value === 'string' ? value : (Object.keys(value)[0] as ChartState)
}
