import type { StateValue } from 'xstate'
import * as z from 'zod/mini'
import { ArgumentError, complaint, messageOf } from '../domain/errors.ts'
import { show } from '../domain/show.ts'
import { type CrashedActor, type RecordedEvent, restored } from './format.ts'
import { type FileKind, formatVersion, type Header } from './header.ts'

/** What stands in one line of a file. */
export type Entry =
  | { readonly kind: 'header'; readonly line: number; readonly header: Header }
  | { readonly kind: 'event'; readonly line: number; readonly event: RecordedEvent }
  | { readonly kind: 'actor'; readonly line: number; readonly actor: CrashedActor }
  /** The last line of a run that was killed while it wrote. */
  | { readonly kind: 'cut'; readonly line: number }

const headerShape = z.object({
  flotsam: z.enum(['recording', 'crash']),
  version: z.literal(formatVersion),
  by: z.string(),
  time: z.string(),
  engine: z.string(),
  owner: z.string(),
  options: z.record(z.string(), z.unknown()),
  message: z.optional(z.string()),
})

const chart = z.enum(['supervisor', 'container'])
const state = z.custom<StateValue>((value) => typeof value === 'string' || typeof value === 'object')
const facts = z.record(z.string(), z.unknown())
const error = z.object({ name: z.string(), message: z.string() })

const eventShape = z.object({
  time: z.string(),
  actor: z.string(),
  name: z.string(),
  chart: z.optional(chart),
  event: z.looseObject({ type: z.string() }),
  status: z.optional(z.enum(['done', 'stopped', 'error'])),
  state: z.optional(state),
  context: z.optional(facts),
  error: z.optional(error),
})

const actorShape = z.object({ name: z.string(), chart, state, context: facts, error: z.optional(error) })

const inEnglish = { error: z.locales.en().localeError }

/** Longer than any line that is written. */
const longestLine = 16 * 1024 * 1024

interface Line {
  readonly number: number
  readonly text: string
  /** With a line break, which a line that was cut off does not have. */
  readonly isEnded: boolean
}

/**
 * Reads a recording or a crash snapshot, line by line.
 *
 * @param name what the file is called in errors
 * @throws ArgumentError that names the line and what is allowed there
 */
export async function* readEntries(name: string, chunks: AsyncIterable<string>): AsyncGenerator<Entry> {
  let kind: FileKind | undefined
  let broken: { readonly line: Line; readonly refusal: ArgumentError } | undefined
  for await (const line of linesOf(name, chunks)) {
    const value = valueIn(line.text)
    const isHeader = typeof value === 'object' && value !== null && 'flotsam' in value
    // A run that was killed is followed by the next one.
    if (broken && !isHeader) throw broken.refusal
    if (broken) yield { kind: 'cut', line: broken.line.number }
    broken = undefined
    if (value === undefined && kind !== undefined) {
      broken = { line, refusal: refusalOf(name, line, requirements[kind]) }
    } else if (isHeader || kind === undefined) {
      const header = headerIn(name, line, value)
      // Only a recording has further runs.
      if (kind !== undefined && (kind === 'crash' || header.flotsam === 'crash'))
        throw refusalOf(name, line, requirements[kind])
      kind = header.flotsam
      yield { kind: 'header', line: line.number, header }
    } else {
      yield entryIn(name, line, value, kind)
    }
  }
  if (kind === undefined) throw new ArgumentError(`${name} is empty; ${firstRequirement}`)
  if (broken?.line.isEnded) throw broken.refusal
  if (broken) yield { kind: 'cut', line: broken.line.number }
}

const firstRequirement =
  'the first line must be that of a recording of flotsam run --record, or of a crash snapshot of --crash-file'
const requirements: Readonly<Record<FileKind, string>> = {
  recording: 'it must be a whole line of JSON, as flotsam run --record writes it',
  crash: 'it must be a whole line of JSON, as flotsam run --crash-file writes it',
}

function headerIn(name: string, line: Line, value: unknown): Header {
  const { flotsam, version } = (value ?? {}) as { readonly flotsam?: unknown; readonly version?: unknown }
  const isOurs = flotsam === 'recording' || flotsam === 'crash'
  if (!isOurs) throw refusalOf(name, line, firstRequirement)
  if (version !== formatVersion) {
    throw new ArgumentError(
      complaint(`${name}:${line.number}`, `version ${show(version)}`, `it must be ${formatVersion}`),
    )
  }
  return parsed(headerShape, value, name, line, firstRequirement) as Header
}

function entryIn(name: string, line: Line, value: unknown, kind: FileKind): Entry {
  const { number } = line
  const plain = restoredIn(name, line, value)
  return kind === 'recording'
    ? {
        kind: 'event',
        line: number,
        event: parsed(eventShape, plain, name, line, requirements.recording) as RecordedEvent,
      }
    : {
        kind: 'actor',
        line: number,
        actor: parsed(actorShape, plain, name, line, requirements.crash) as CrashedActor,
      }
}

function restoredIn(name: string, { number }: Line, value: unknown): unknown {
  try {
    return restored(value)
  } catch (thrown) {
    throw new ArgumentError(`${name}:${number}: ${messageOf(thrown)}`)
  }
}

function parsed(
  shape: z.ZodMiniType,
  value: unknown,
  name: string,
  line: Line,
  requirement: string,
): unknown {
  const read = shape.safeParse(value, inEnglish)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw refusalOf(name, line, `${requirement}: ${issue?.path.map(String).join('.')}: ${issue?.message}`)
}

function refusalOf(name: string, { number, text }: Line, requirement: string): ArgumentError {
  return new ArgumentError(complaint(`${name}:${number}`, show(text), requirement))
}

function valueIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The lines that are not empty. */
async function* linesOf(name: string, chunks: AsyncIterable<string>): AsyncGenerator<Line> {
  let number = 0
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const text of parts) {
      number++
      if (text.trim() !== '') yield { number, text, isEnded: true }
    }
    if (rest.length > longestLine) {
      throw new ArgumentError(
        `${name}:${number + 1}: the line is longer than ${longestLine} characters; ${requirements.recording}`,
      )
    }
  }
  if (rest.trim() !== '') yield { number: number + 1, text: rest, isEnded: false }
}
