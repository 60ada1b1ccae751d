import type { IncomingMessage } from 'node:http'
import type { Answer } from './answer.ts'
import { asRecord } from './blueprint.ts'
import type { Container } from './model.ts'
import { Refusal } from './refusal.ts'
import type { View } from './shapes/view.ts'
import type { World } from './world.ts'

/** One parsed request. */
export interface Call {
  readonly world: World
  readonly method: string
  readonly path: string
  /** The API version in the path, or the engine's own. */
  readonly apiVersion: string
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly answer: Answer
  /** The container, image, volume or network in the path; empty if there is none. */
  readonly reference: string
}

/** One endpoint. The pattern captures the reference. */
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

/** The body as a JSON object. Throws the engine's refusal if it is not one. */
export function jsonBody({ body, world }: Call): Readonly<Record<string, unknown>> {
  const { dialect } = world
  if (body.length === 0) throw dialect.badBody('EOF')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (cause) {
    throw dialect.badBody(cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw dialect.badBody('not an object')
  }
  return asRecord(value)
}

export function viewOf({ world: { dialect, version, images }, apiVersion }: Call): View {
  return { dialect, version, images, apiVersion }
}

export function containerOf({ world, reference }: Call): Container {
  return world.containers.resolve(reference)
}

/** Reads a boolean as the engine does: every value except these is true. */
export function isOn(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase())
}
