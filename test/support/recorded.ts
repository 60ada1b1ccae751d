import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Fields = Readonly<Record<string, unknown>>

export interface RecordedAnswer {
  readonly status: number
  readonly body: unknown
}

/** What one real engine answered, by what was asked and of which container or image; see test/fixtures/answers. */
export interface Recorded {
  readonly listing: Readonly<Record<string, Fields>>
  readonly inspection: Readonly<Record<string, Fields>>
  readonly image: Readonly<Record<string, RecordedAnswer>>
  readonly errors: Readonly<Record<string, RecordedAnswer>>
  readonly libpod?: { readonly infra: Fields }
  readonly headers: Readonly<Record<'ping' | 'inspection', Readonly<Record<string, string>>>>
}

const folder = join(import.meta.dirname, '../fixtures/answers')

/** The engines whose answers were recorded, named by make and version. */
export const recordedEngines: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace(/\.json$/, ''))
  .toSorted()

const read = new Map<string, Recorded>()

export function recordedOf(engine: string): Recorded {
  const known = read.get(engine)
  if (known) return known
  const recorded = JSON.parse(readFileSync(join(folder, `${engine}.json`), 'utf8')) as Recorded
  read.set(engine, recorded)
  return recorded
}

/** One entry of a listing. */
export function recordedEntry(engine: string, name: string): Fields {
  return orThrow(recordedOf(engine).listing[name], `${engine}: no entry ${name}`)
}

/** One inspection. */
export function recordedInspection(engine: string, name: string): Fields {
  return orThrow(recordedOf(engine).inspection[name], `${engine}: no inspection ${name}`)
}

function orThrow<T>(found: T | undefined, message: string): T {
  if (found === undefined) throw new Error(message)
  return found
}
