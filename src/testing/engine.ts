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
  /** Default: the machine's own clocks. With a clock that a test moves, everything that takes time waits for the test. */
  readonly clock?: Clock
  /** The same seed and the same calls give the same ids and names. Default 1. */
  readonly seed?: number
  /** Whose answers it gives. Default `dockerd`, with the classic image store. */
  readonly dialect?: DialectName
  /**
   * Which one it says it is, and answers as. Known are dockerd 20.10 (API 1.41), 26 (1.45) and 28 (1.51), and Podman 4.3
   * (1.41), 5.4 (1.41) and 5.8 (1.44); others answer like the nearest one before. Default: dockerd 28.5.2, API 1.51, or
   * Podman 5.8.6, API 1.44; minimum 1.24.
   */
  readonly version?: Partial<EngineVersion>
  /** The images it has: there is no registry behind it. Default: `busybox:latest`. */
  readonly images?: readonly (string | ImageSpec)[]
  /** How many requests the log keeps. Default 10,000. */
  readonly requestLimit?: number
}

/** What happens to the containers when the engine goes down. */
export interface Outage {
  /** `live`: they run on without it. `die`: all that ran have ended when it is back. Default `live`. */
  readonly containers?: 'live' | 'die'
}

/** An engine in memory that speaks the Docker Engine API. Made by `createEmbeddedEngine`. */
export interface EmbeddedEngine {
  /** For `DOCKER_HOST`. Throws before `listen()`. */
  readonly address: string
  readonly containers: DirectContainers
  readonly images: Pick<Images, 'add' | 'tag' | 'find' | 'values' | 'remove' | 'loseContent'>
  readonly volumes: Pick<Volumes, 'create' | 'has' | 'values'>
  readonly faults: Pick<Faults, 'add' | 'clear'>
  /** What was asked of it over HTTP. */
  readonly requests: RequestLog
  /** Resolves to the address. Without options: a unix socket in a temporary folder. */
  listen(options?: ListenOptions): Promise<string>
  /** Stops as SIGSTOP does: connections are accepted, requests wait, nothing is answered. */
  freeze(): void
  /** What waited is served, in the order it came; also for those who have meanwhile given up. */
  thaw(): void
  /**
   * Cuts every connection and refuses new ones. Requests that wait are lost; removals under way have failed, see
   * `containers.failRemoval`.
   */
  goDown(outage?: Outage): Promise<void>
  /** Listens again at the same place. Containers that had died come back where their restart policy says so. */
  comeUp(): Promise<void>
  /** Down, and after so long, by the engine's clock, up again. Resolves when it listens. */
  restart(outage?: Outage & { readonly downMs?: number }): Promise<void>
  /** Stops listening, cuts every connection and forgets every timer. */
  close(): Promise<void>
}

/**
 * An engine in memory that speaks the Docker Engine API over a unix socket or a port of the loopback interface, well
 * enough for dockerode and for the `docker` command, and with everything that can go wrong with an engine on demand.
 * Nothing runs in its containers. It makes no connection of its own.
 *
 * @example
 * const engine = createEmbeddedEngine({ seed: 7 })
 * const address = await engine.listen() // 'unix:///tmp/embedded-engine-…/docker.sock'
 * const id = engine.containers.create({ labels: { 'com.example.agent': 'agent-7' } })
 * engine.faults.add({ kind: 'error', method: 'DELETE', container: id, status: 500, message: 'device or resource busy', count: 2 })
 * // … let the program under test work with the engine at that address …
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
