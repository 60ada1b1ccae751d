import type { ContainerSummary, Inspection, SharedNamespaces } from '../../src/domain/container.ts'
import { EngineError, type FailureKind } from '../../src/domain/errors.ts'
import { type ContainerId, parseContainerId } from '../../src/domain/ids.ts'
import type { Verb } from '../../src/engine/failure.ts'
import type {
  CallOptions,
  ChangeOptions,
  ChangeOutcome,
  Engine,
  EngineEvent,
  EventsCall,
  Listing,
} from '../../src/engine/port.ts'
import type { FakeClock } from './fake-clock.ts'
import { createSameWords } from './same-words.ts'

/** A container of the fake engine. Properties that a test does not set have simple defaults. */
export interface FakeContainer {
  id: ContainerId
  name: string
  image: string
  imageId: string
  state: string
  createdAtMs: number
  labels: Record<string, string>
  networkMode: string
  mountTargets: string[]
  platform: string
  /** Shown by inspections and not by listings. */
  namespaces: Partial<SharedNamespaces>
  startedAtMs: number | undefined
  finishedAtMs: number | undefined
  restoredAtMs: number | undefined
  restartCount: number
  isInfra: boolean
}

export interface Request {
  readonly verb: Verb
  readonly id: string | undefined
  readonly atMs: number
  readonly label?: string | undefined
  readonly actions?: readonly string[]
  readonly volumes?: boolean | undefined
  readonly force?: boolean | undefined
}

/** What replaces the answer of a call: a failure of a kind, a hang until it is aborted, or the test's own answer. */
export type Fault = FailureKind | 'hang' | (() => Promise<unknown>)

/** An implementation of the engine port in memory, on the test's clock. It records its calls. */
export interface FakeEngine extends Engine {
  readonly containers: Map<string, FakeContainer>
  readonly requests: Request[]
  readonly images: Map<string, Record<string, string>>
  /** The offset of its clock from the test's wall clock. */
  clockOffsetMs: number
  /** What distinguishes it from another engine. */
  id: string | undefined
  /** The time of its oldest remembered event, by its own clock; undefined if it remembers none. */
  rememberedSinceMs: number | undefined
  /** Returns the fault of a call; undefined if it is answered normally. */
  fault: (verb: Verb, id: string | undefined) => Fault | undefined
  /** Called with each listing before it is returned. */
  shapeListing: (listing: Listing) => Listing
  /** Called with each inspection before it is returned. */
  shapeInspection: (inspection: Inspection) => Inspection
  /** Whether connections for requests that change something fail, so that these are never sent. */
  isUnreachable: boolean
  /** Whether their connections break when the last question has allowed them, so that these are never sent. */
  breaksWhenAllowed: boolean
  add(container?: Partial<Omit<FakeContainer, 'id'>> & { id?: string; ageMs?: number }): FakeContainer
  count(verb: Verb, id?: string): number
  /** The number of open event streams. */
  readonly listenerCount: number
  /** Sends an event to all event streams. Its properties default to those of the container with that id. */
  emit(action: string, about: Pick<EngineEvent, 'id'> & Partial<EngineEvent>): void
  /** Ends all event streams, as a restart does, or with an error. */
  endEvents(error?: EngineError): void
}

let made = 0

/** Returns a distinct full id for each number. */
export function fakeId(number: number): ContainerId {
  return parseContainerId(
    (number * 0x9e3779b1).toString(16).padStart(16, '0').slice(-16).padStart(64, 'c0ffee'),
  ) as ContainerId
}

export const ownerLabel = 'com.example.agent'
export const ownerValue = 'agent-7'

export function createFakeEngine(clock: FakeClock): FakeEngine {
  const containers = new Map<string, FakeContainer>()
  const images = new Map<string, Record<string, string>>([['sha256:busybox', {}]])
  const requests: Request[] = []
  const inSameWords = createSameWords()
  const reported: { readonly action: string; readonly id: ContainerId; readonly atMs: number }[] = []
  const streams = new Map<EventsCall, { resolve: () => void; reject: (error: Error) => void }>()

  const engine: FakeEngine = {
    address: 'fake://engine',
    containers,
    images,
    requests,
    id: 'the fake engine',
    clockOffsetMs: 0,
    rememberedSinceMs: 0,
    fault: () => undefined,
    shapeListing: (listing) => listing,
    shapeInspection: (inspection) => inspection,
    isUnreachable: false,
    breaksWhenAllowed: false,
    add({ id, ageMs = 0, ...rest } = {}) {
      made += 1
      const container: FakeContainer = {
        id: parseContainerId(id) ?? fakeId(made),
        name: `task-${made}`,
        image: 'busybox:test',
        imageId: 'sha256:busybox',
        state: 'running',
        createdAtMs: Math.floor((clock.wallNow() + engine.clockOffsetMs - ageMs) / 1000) * 1000,
        labels: { [ownerLabel]: ownerValue },
        networkMode: 'bridge',
        mountTargets: [],
        platform: '',
        namespaces: {},
        startedAtMs: undefined,
        finishedAtMs: undefined,
        restoredAtMs: undefined,
        restartCount: 0,
        isInfra: false,
        ...rest,
      }
      containers.set(container.id, container)
      return container
    },
    count: (verb, id) =>
      requests.filter((request) => request.verb === verb && (id === undefined || request.id === id)).length,
    get listenerCount() {
      return streams.size
    },
    emit(action, { id, name = '', labels = {} }) {
      reported.push({ action, id, atMs: clock.now() })
      for (const { onEvent } of streams.keys()) onEvent({ action, id, name, labels })
    },
    endEvents(error) {
      for (const { resolve, reject } of streams.values()) {
        if (error) reject(error)
        else resolve()
      }
    },
    events: (call) => {
      requests.push({ verb: 'events', id: undefined, atMs: clock.now(), actions: call.actions })
      const fault = engine.fault('events', undefined)
      return new Promise<void>((resolve, reject) => {
        if (typeof fault === 'string' && fault !== 'hang') {
          return reject(new EngineError(fault, `events: ${fault}`))
        }
        const end = () => reject(new EngineError('timed-out', 'events: given up'))
        call.signal.addEventListener('abort', end, { once: true })
        if (fault === 'hang') return undefined
        streams.set(call, { resolve, reject })
        call.onOpen()
        return undefined
      }).finally(() => streams.delete(call))
    },
    list: (call) =>
      answer(
        'list',
        undefined,
        call,
        () => {
          const listing: Listing = {
            containers: inSameWords([...containers.values()].map(summarise)),
            engineNowMs: Math.floor((clock.wallNow() + engine.clockOffsetMs) / 1000) * 1000,
            bytes: containers.size * 800,
          }
          return engine.shapeListing(listing)
        },
        { label: call.label },
      ),
    identity: (call) => answer('identity', undefined, call, () => engine.id),
    info: (call) =>
      answer('info', undefined, call, () => ({
        name: 'Fake',
        version: '1',
        apiVersion: '1.41',
        clockOffsetMs: 0,
      })),
    imageLabels: ({ id }, call) =>
      answer('imageLabels', id, call, () => {
        const labels = images.get(id)
        if (!labels) throw new EngineError('gone', `no such image: ${id}`, { status: 404 })
        return labels
      }),
    inspect: (id, call) =>
      answer('inspect', id, call, () => engine.shapeInspection(inspectionOf(theOne(id)))),
    shares: (id, call) => engine.inspect(id, call),
    unpausedWithin: ({ sinceMs }, call) =>
      answer('unpausedWithin', undefined, call, () => {
        const engineMs = (atMs: number) => clock.wallNow() - clock.now() + atMs + engine.clockOffsetMs
        const remembered = reported.filter(
          ({ atMs }) => engineMs(atMs) >= (engine.rememberedSinceMs ?? Infinity),
        )
        const unpaused = remembered.filter(
          ({ action, atMs }) => action === 'unpause' && engineMs(atMs) >= sinceMs,
        )
        return { unpaused: new Set(unpaused.map(({ id }) => id)), sinceMs: engine.rememberedSinceMs }
      }),
    remove: (id, call) =>
      change(
        'remove',
        id,
        call,
        () => {
          theOne(id)
          containers.delete(id)
          return 'done'
        },
        { force: call.force, volumes: call.volumes },
      ),
    stop: (id, call) =>
      change('stop', id, call, () => {
        const container = theOne(id)
        if (container.state === 'exited') return 'unchanged'
        container.state = 'exited'
        return 'done'
      }),
    unpause: (id, call) =>
      change('unpause', id, call, () => {
        const container = containers.get(id)
        if (container?.state === 'paused') container.state = 'running'
        return 'done'
      }),
  }

  function theOne(id: string): FakeContainer {
    const container = containers.get(id)
    if (!container) throw new EngineError('gone', `no such container: ${id}`, { status: 404 })
    return container
  }

  function inspectionOf(container: FakeContainer): Inspection {
    const { id, name, imageId, labels, state, createdAtMs, networkMode, namespaces } = container
    const { startedAtMs, finishedAtMs, restoredAtMs, restartCount, isInfra } = container
    return {
      id,
      name,
      imageId,
      labels: { ...labels },
      state,
      createdAtMs,
      startedAtMs: startedAtMs ?? (state === 'created' ? undefined : createdAtMs),
      finishedAtMs,
      restoredAtMs,
      restartCount,
      namespaces: {
        network: networkMode,
        pid: '',
        ipc: '',
        uts: '',
        cgroupParent: '',
        dependencies: [],
        ...namespaces,
      },
      isInfra,
      isAutoRemoved: false,
      selfMarks: {
        hostnamePath: '',
        hostsPath: '',
        resolvConfPath: '',
        upperDir: '',
        mounts: [],
        mayMount: false,
      },
      engineNowMs: Math.floor((clock.wallNow() + engine.clockOffsetMs) / 1000) * 1000,
    }
  }

  /** A request that changes something. The last question is asked when its connection is open. */
  async function change(
    verb: Verb,
    id: string,
    call: ChangeOptions,
    carryOut: () => ChangeOutcome,
    more: Partial<Request> = {},
  ): Promise<ChangeOutcome> {
    if (engine.isUnreachable) throw new EngineError('unavailable', `${verb}: no connection`)
    const maySend = call.maySend()
    // Like a real connection: after a synchronous answer, the request is sent in the same turn.
    if (!(typeof maySend === 'boolean' ? maySend : await maySend)) return 'withheld'
    if (engine.breaksWhenAllowed) throw new EngineError('unavailable', `${verb}: the connection broke`)
    call.onSent?.()
    // A test's own answer without a value counts as a confirmation.
    const outcome: ChangeOutcome | undefined = await answer(verb, id, call, carryOut, more)
    return outcome ?? 'done'
  }

  async function answer<T>(
    verb: Verb,
    id: string | undefined,
    call: CallOptions,
    carryOut: () => T,
    more: Partial<Request> = {},
  ): Promise<T> {
    requests.push({ verb, id, atMs: clock.now(), ...more })
    const fault = engine.fault(verb, id)
    if (fault === 'hang') return hang(verb, call)
    if (typeof fault === 'function') return (await fault()) as T
    if (fault) throw new EngineError(fault, `${verb}: ${fault}`)
    return carryOut()
  }

  function hang(verb: Verb, { deadlineMs, signal }: CallOptions): Promise<never> {
    return new Promise((_, reject) => {
      const giveUp = (why: string) => {
        clock.clearTimeout(timer)
        reject(new EngineError('timed-out', `${verb}: ${why}`))
      }
      const timer = clock.setTimeout(() => giveUp('no answer'), deadlineMs)
      signal?.addEventListener('abort', () => giveUp('given up'), { once: true })
    })
  }

  return engine
}

function summarise({
  id,
  name,
  image,
  imageId,
  platform,
  state,
  createdAtMs,
  labels,
  networkMode,
  mountTargets,
}: FakeContainer): ContainerSummary {
  const names = name === '' ? [] : [name]
  const { ...ownLabels } = labels
  return {
    id,
    name,
    names,
    image,
    imageId,
    platform,
    state,
    createdAtMs,
    labels: ownLabels,
    networkMode,
    mountTargets: [...mountTargets],
  }
}
