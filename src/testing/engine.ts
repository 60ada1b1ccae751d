import { systemClock, type Clock } from '../domain/clock.ts'
import { Containers } from './containers.ts'
import { defaultVersions, type DialectName } from './dialect.ts'
import { dialectOf } from './dialects/index.ts'
import { createDirectContainers, type DirectContainers } from './direct.ts'
import { Dispatcher } from './dispatcher.ts'
import { Door, type ListenOptions } from './door.ts'
import { EventLog } from './events.ts'
import { Faults } from './faults.ts'
import { Gate } from './gate.ts'
import { Images, type ImageSpec } from './images.ts'
import type { EngineVersion } from './model.ts'
import { createIdSource } from './random.ts'
import { RequestLog } from './request-log.ts'
import { Volumes } from './volumes.ts'
import type { World } from './world.ts'

export interface EmbeddedEngineOptions {
  /** Default: the system clocks. With a test clock, everything that takes time waits for the test. */
  readonly clock?: Clock
  /** The seed of ids and names: the same seed and the same calls give the same ones. Default 1. */
  readonly seed?: number
  /** The engine to emulate. Default: `dockerd` with the classic image store. */
  readonly dialect?: DialectName
  /**
   * The version that it reports and emulates. Supported are dockerd 20.10 (API 1.41), 26 (1.45) and 28 (1.51), and Podman
   * 4.3 (1.41), 5.4 (1.41) and 5.8 (1.44); other versions behave like the nearest older one. Default: dockerd 28.5.2, API
   * 1.51, or Podman 5.8.6, API 1.44. The minimum API version is 1.24.
   */
  readonly version?: Partial<EngineVersion>
  /** The images that it has; there is no registry. Default: `busybox:latest`. */
  readonly images?: readonly (string | ImageSpec)[]
  /** The number of requests that the log keeps. Default 10,000. */
  readonly requestLimit?: number
}

/** What happens to the containers when the engine goes down. */
export interface Outage {
  /** `live`: they keep running. `die`: all running containers have exited when the engine is back. Default `live`. */
  readonly containers?: 'live' | 'die'
}

/** An engine in memory that implements the Docker Engine API. Created by `createEmbeddedEngine`. */
export interface EmbeddedEngine {
  /** The address, for `DOCKER_HOST`. Throws before `listen()`. */
  readonly address: string
  readonly containers: DirectContainers
  readonly images: Pick<Images, 'add' | 'tag' | 'find' | 'values' | 'remove' | 'loseContent'>
  readonly volumes: Pick<Volumes, 'create' | 'has' | 'values'>
  readonly faults: Pick<Faults, 'add' | 'clear'>
  /** The HTTP requests that it received. */
  readonly requests: RequestLog
  /** Starts listening and resolves to the address. Default: a unix socket in a temporary folder. */
  listen(options?: ListenOptions): Promise<string>
  /** Freezes the engine, as SIGSTOP does: connections are accepted, but requests wait and are not answered. */
  freeze(): void
  /** Resumes. Waiting requests are carried out in order, even those whose client has disconnected. */
  thaw(): void
  /**
   * Closes every connection and refuses new ones. Waiting requests are lost; removals in progress fail, see
   * `containers.failRemoval`.
   */
  goDown(outage?: Outage): Promise<void>
  /** Listens again at the same address. Containers that had died are started again according to their restart policy. */
  comeUp(): Promise<void>
  /** Goes down, and comes up after `downMs` by the engine's clock. Resolves when it listens. */
  restart(outage?: Outage & { readonly downMs?: number }): Promise<void>
  /** Stops listening, closes every connection and cancels all timers. */
  close(): Promise<void>
}

/**
 * Creates an engine in memory that serves the Docker Engine API over a unix socket or a loopback port, complete enough
 * for dockerode and for the `docker` command. Every known fault of an engine can be caused on demand. Its containers run
 * no processes, and it makes no connections.
 *
 * @example
 * const engine = createEmbeddedEngine({ seed: 7 })
 * const address = await engine.listen() // 'unix:///tmp/embedded-engine-…/docker.sock'
 * const id = engine.containers.create({ labels: { 'com.example.agent': 'agent-7' } })
 * engine.faults.add({ kind: 'error', method: 'DELETE', container: id, status: 500, message: 'device or resource busy', count: 2 })
 * // … run the program under test against that address …
 * engine.requests.matching({ method: 'DELETE', containerId: id }).length // 3
 * await engine.close()
 */
export function createEmbeddedEngine(options: EmbeddedEngineOptions = {}): EmbeddedEngine {
  const { clock = systemClock, requestLimit = 10_000 } = options
  const world = createWorld(clock, options)
  const { containers, images, volumes, faults, events } = world
  const gate = new Gate()
  const requests = new RequestLog(requestLimit, () => clock.now())
  const dispatcher = new Dispatcher(world, gate, requests)
  const door = new Door((request, response) => void dispatcher.handle(request, response))

  async function goDown({ containers: fate = 'live' }: Outage = {}): Promise<void> {
    containers.removals.abandon()
    if (fate === 'die') containers.lifecycle.endAll()
    events.forget()
    gate.drop()
    await door.shut()
  }

  async function comeUp(): Promise<void> {
    if (door.isOpen) return
    containers.lifecycle.startAllThatShouldRun()
    faults.noteUp()
    await door.open()
  }

  return {
    get address() {
      return door.address
    },
    containers: createDirectContainers(containers, images, world.ids),
    images,
    volumes,
    faults,
    requests,
    listen: (where = {}) => door.listen(where),
    freeze: () => gate.shut(),
    thaw: () => gate.open(),
    goDown,
    comeUp,
    async restart({ downMs = 0, ...outage } = {}) {
      await goDown(outage)
      if (downMs > 0) await new Promise<void>((over) => clock.setTimeout(over, downMs))
      await comeUp()
    },
    async close() {
      containers.removals.abandon()
      containers.close()
      containers.lifecycle.close()
      events.forget()
      gate.drop()
      await door.close()
    },
  }
}

function createWorld(clock: Clock, options: EmbeddedEngineOptions): World {
  const { seed = 1, images: imageSpecs = ['busybox:latest'], dialect: name = 'dockerd' } = options
  const version: EngineVersion = { ...defaultVersions[name], ...options.version }
  const ids = createIdSource(seed)
  const dialect = dialectOf(name, version)
  const faults: Faults = new Faults(clock, () => containers.store.values())
  const now = () => clock.wallNow() + faults.clockOffsetMs
  const events = new EventLog(now, dialect)
  const images = new Images(ids, events, now, dialect)
  const volumes = new Volumes(ids, events, now)
  const containers = new Containers({ clock, now, ids, events, images, volumes, faults, dialect })
  for (const spec of imageSpecs) images.add(typeof spec === 'string' ? { reference: spec } : spec)
  return { id: ids.nextId(), ids, clock, now, version, dialect, containers, images, volumes, events, faults }
}
