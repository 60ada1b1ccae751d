import type { ContainerSummary, Inspection } from '../../src/domain/container.ts'
import { EngineError, type FailureKind } from '../../src/domain/errors.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import type {
  UnpauseMemory,
  AskedImage,
  CallOptions,
  ChangeOptions,
  ChangeOutcome,
  Engine,
  EngineEvent,
  EventsCall,
  Listing,
} from '../../src/engine/port.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { listenersOfSignal } from './census.ts'

/** What meets a request to end or to remove a container, once. */
export type RemovalFault = 'refused' | 'hangs' | 'cut-off' | 'gone' | 'under-way' | 'faulty'

/** A container of the soak's engine. */
export interface Body {
  readonly summary: ContainerSummary
  /** What meets the next removals, in their order. */
  readonly faults: RemovalFault[]
  /** Every removal is refused, for ever. */
  readonly isStuck: boolean
}

/** What is wrong with the engine as a whole. */
export type Condition = 'up' | 'down' | 'wedged' | 'misshapen'

/** An engine in this process, on the run's clock, that keeps nothing but its containers. */
export class SoakEngine implements Engine {
  readonly address = 'soak://engine'
  readonly bodies = new Map<ContainerId, Body>()
  readonly images = new Map<string, Readonly<Record<string, string>>>()
  condition: Condition = 'up'
  clockOffsetMs = 0
  /** Leaves containers out of the listings. */
  isHidden: (id: ContainerId) => boolean = () => false
  removals = 0
  listings = 0
  /** The most listeners that one signal had as it was handed over, since this was last set to zero. */
  mostSignalListeners = 0
  readonly #clock: FakeClock
  readonly #streams = new Set<{ readonly call: EventsCall; readonly end: (error?: EngineError) => void }>()

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  get openStreams(): number {
    return this.#streams.size
  }

  get nowMs(): number {
    return Math.floor((this.#clock.wallNow() + this.clockOffsetMs) / 1000) * 1000
  }

  put(body: Body): void {
    this.bodies.set(body.summary.id, body)
    this.#emit(body.summary, 'create')
  }

  /** Puts it there as it is now, with these fields changed. */
  change(id: ContainerId, fields: Partial<ContainerSummary>): void {
    const body = this.bodies.get(id)
    if (body) this.bodies.set(id, { ...body, summary: { ...body.summary, ...fields } })
  }

  takeAway(id: ContainerId): void {
    const body = this.bodies.get(id)
    if (!body) return
    this.bodies.delete(id)
    if (body.summary.imageId === ownImageId(id)) this.images.delete(body.summary.imageId)
    this.#emit(body.summary, 'destroy')
  }

  /** Ends every stream of events, as a restart does. */
  cutStreams(): void {
    for (const { end } of this.#streams) end(new EngineError('unavailable', 'events: cut off'))
  }

  list(call: CallOptions): Promise<Listing> {
    this.listings++
    return this.#answer('list', call, () => {
      if (this.condition === 'misshapen') throw new EngineError('invalid-answer', 'list: no array')
      const all = [...this.bodies.values()].map(({ summary }) => summary)
      const containers = all.filter(({ id }) => !this.isHidden(id))
      return { containers, engineNowMs: this.nowMs, bytes: containers.length * 800 }
    })
  }

  identity(): Promise<string> {
    return Promise.resolve('the soak engine')
  }

  info(
    call: CallOptions,
  ): Promise<{ name: string; version: string; apiVersion: string; clockOffsetMs: number }> {
    return this.#answer('info', call, () => ({
      name: 'Soak',
      version: '1',
      apiVersion: '1.47',
      clockOffsetMs: this.clockOffsetMs,
    }))
  }

  imageLabels({ id: imageId }: AskedImage, call: CallOptions): Promise<Readonly<Record<string, string>>> {
    return this.#answer('imageLabels', call, () => {
      const labels = this.images.get(imageId)
      if (!labels) throw new EngineError('gone', `imageLabels: no such image ${imageId}`, { status: 404 })
      return labels
    })
  }

  inspect(id: ContainerId, call: CallOptions): Promise<Inspection> {
    return this.#answer('inspect', call, () => {
      const body = this.bodies.get(id)
      if (!body) throw noSuchContainer('inspect')
      return inspectionOf(body.summary, this.nowMs)
    })
  }

  shares(id: ContainerId, call: CallOptions): Promise<Inspection> {
    return this.inspect(id, call)
  }

  unpausedWithin(_period: unknown, call: CallOptions): Promise<UnpauseMemory> {
    return this.#answer('unpausedWithin', call, () => ({ unpaused: new Set<ContainerId>(), sinceMs: 0 }))
  }

  events(call: EventsCall): Promise<void> {
    this.#countListeners(call.signal)
    return new Promise((resolve, reject) => {
      const stream = {
        call,
        end: (error?: EngineError) => {
          this.#streams.delete(stream)
          call.signal.removeEventListener('abort', giveUp)
          if (error) reject(error)
          else resolve()
        },
      }
      const giveUp = () => stream.end(new EngineError('timed-out', 'events: given up'))
      if (this.condition !== 'up')
        return stream.end(new EngineError('unavailable', 'events: connection refused'))
      call.signal.addEventListener('abort', giveUp, { once: true })
      this.#streams.add(stream)
      call.onOpen()
    })
  }

  async remove(id: ContainerId, call: ChangeOptions): Promise<ChangeOutcome> {
    if (!(await call.maySend())) return 'withheld'
    call.onSent?.()
    this.removals++
    const body = this.bodies.get(id)
    const fault = body?.isStuck ? 'refused' : body?.faults.shift()
    if (fault === 'faulty') throw new TypeError(`a fault at ${id}`)
    if (fault === 'hangs') return this.#hang('remove', call)
    return this.#answer('remove', call, () => {
      if (!body) throw noSuchContainer('remove')
      if (fault === 'refused')
        throw new EngineError('refused', 'remove: device or resource busy', { status: 500 })
      if (fault === 'under-way') throw new EngineError('in-progress', 'remove: in progress', { status: 409 })
      this.takeAway(id)
      if (fault === 'gone') throw noSuchContainer('remove')
      if (fault === 'cut-off')
        throw new EngineError('unavailable', 'remove: socket hang up', { cause: resetError() })
      return 'done'
    })
  }

  async stop(id: ContainerId, call: ChangeOptions): Promise<ChangeOutcome> {
    if (!(await call.maySend())) return 'withheld'
    call.onSent?.()
    return this.#answer('stop', call, () => {
      if (!this.bodies.has(id)) throw noSuchContainer('stop')
      this.change(id, { state: 'exited' })
      return 'done'
    })
  }

  async unpause(id: ContainerId, call: ChangeOptions): Promise<ChangeOutcome> {
    if (!(await call.maySend())) return 'withheld'
    call.onSent?.()
    return this.#answer('unpause', call, () => {
      this.change(id, { state: 'running' })
      return 'done'
    })
  }

  async #answer<T>(verb: string, call: CallOptions, carryOut: () => T): Promise<T> {
    if (call.signal) this.#countListeners(call.signal)
    if (this.condition === 'wedged') return this.#hang(verb, call)
    if (this.condition === 'down') throw new EngineError('unavailable', `${verb}: connection refused`)
    await Promise.resolve()
    return carryOut()
  }

  #hang(verb: string, { deadlineMs, signal }: CallOptions): Promise<never> {
    return new Promise((_, reject) => {
      const giveUp = () => {
        this.#clock.clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        reject(new EngineError('timed-out' satisfies FailureKind, `${verb}: no answer`))
      }
      const timer = this.#clock.setTimeout(giveUp, deadlineMs)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  #emit({ id, name, labels }: ContainerSummary, action: string): void {
    const event: EngineEvent = { id, name, labels, action }
    for (const { call } of this.#streams) call.onEvent(event)
  }

  #countListeners(signal: AbortSignal): void {
    this.mostSignalListeners = Math.max(this.mostSignalListeners, listenersOfSignal(signal))
  }
}

/** The id of an image that only this container is of. */
export function ownImageId(id: ContainerId): string {
  return `sha256:${id}`
}

function noSuchContainer(verb: string): EngineError {
  return new EngineError('gone', `${verb}: no such container`, { status: 404 })
}

function inspectionOf(
  { id, name, imageId, labels, state, createdAtMs = 0, networkMode }: ContainerSummary,
  engineNowMs: number,
): Inspection {
  return {
    id,
    name,
    imageId,
    labels,
    state,
    createdAtMs,
    startedAtMs: state === 'created' ? undefined : createdAtMs,
    finishedAtMs: undefined,
    restoredAtMs: undefined,
    restartCount: 0,
    namespaces: { network: networkMode, pid: '', ipc: '', uts: '', cgroupParent: '', dependencies: [] },
    isInfra: false,
    isAutoRemoved: false,
    selfMarks: {
      hostnamePath: '',
      hostsPath: '',
      resolvConfPath: '',
      upperDir: '',
      mounts: [],
      mayMount: false,
    },
    engineNowMs,
  }
}

function resetError(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
}
