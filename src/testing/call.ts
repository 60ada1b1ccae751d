import type { IncomingMessage } from 'node:http'

import type { Clock } from '../clock.ts'
import type { Answer } from './answer.ts'
import { asRecord } from './blueprint.ts'
import type { Containers } from './containers.ts'
import type { Dialect } from './dialect.ts'
import type { EventLog } from './events.ts'
import type { Faults } from './faults.ts'
import type { Images } from './images.ts'
import type { Container, EngineVersion } from './model.ts'
import { Refusal } from './refusal.ts'
import type { Volumes } from './volumes.ts'

/** The state of one engine, as the routes see it. */
export interface World {
  readonly id: string
  readonly clock: Clock
  /** The engine's wall clock. */
  readonly now: () => number
  readonly version: EngineVersion
  readonly dialect: Dialect
  readonly containers: Containers
  readonly images: Images
  readonly volumes: Volumes
  readonly events: EventLog
  readonly faults: Faults
}

/** One request, read and understood. */
export interface Call {
  readonly world: World
  readonly method: string
  readonly path: string
  /** The version that the path asks for, or the engine's own. */
  readonly apiVersion: string
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly answer: Answer
  /** What the path names: a container, an image, a volume or a network; empty where it names nothing. */
  readonly reference: string
}

/** One kind of request: the pattern captures the reference. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  readonly pattern: RegExp
  readonly namesContainer: boolean
  readonly run: (call: Call) => Promise<void>
}

const longestBody = 16 * 1024 * 1024

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > longestBody) throw new Refusal(413, 'http: request body too large')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** The body as a JSON object. Throws the engine's refusal where it is none. */
export function jsonBody({ body, world }: Call): Readonly<Record<string, unknown>> {
  const { badBodyStatus } = world.dialect
  if (body.length === 0) throw new Refusal(badBodyStatus, 'EOF')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (cause) {
    throw new Refusal(
      badBodyStatus,
      `invalid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(badBodyStatus, 'invalid JSON: not an object')
  }
  return asRecord(value)
}

export function containerOf({ world, reference }: Call): Container {
  return world.containers.resolve(reference)
}

/** As the engine reads switches: everything counts but these. */
export function isOn(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase())
}
