import { StringDecoder } from 'node:string_decoder'
import { parseContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { AnswerError } from './failure.ts'
import type { EngineEvent } from './port.ts'

/** Labels may be long; what goes on without an end is no event. */
const longestLineLength = 1024 * 1024

/**
 * The events of containers in a stream of JSON values, one a line, in whatever pieces it comes. What says nothing of a
 * container is left out; a last line without an end was cut off, and is left out too.
 *
 * @throws AnswerError where the stream holds something other than JSON
 */
export async function* readEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<EngineEvent> {
  for await (const line of readLines(chunks)) {
    const event = toEvent(line)
    if (event) yield event
  }
}

/**
 * When the first of all events happened, whatever it is about; undefined where there is none. No more is read than that one.
 *
 * @throws AnswerError where it is no event with a time
 */
export async function readFirstTime(chunks: AsyncIterable<Buffer>): Promise<number | undefined> {
  for await (const line of readLines(chunks)) {
    const { time, timeNano } = asRecord(parseLine(line)) ?? {}
    if (typeof timeNano === 'number' && timeNano > 0) return Math.ceil(timeNano / 1e6)
    // a whole second, of which the event may have been the last moment
    if (typeof time === 'number' && time > 0) return (time + 1) * 1000
    throw new AnswerError('an event has no time')
  }
  return undefined
}

/** Those that are not blank; a last one without an end is left out. */
async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const text = decoder.write(chunk)
    // What is waited for is looked through only once, however small the pieces are.
    const lines = text.includes('\n') ? (rest + text).split('\n') : [rest + text]
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield line
    if (rest.length > longestLineLength) throw new AnswerError('an event is longer than a million characters')
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new AnswerError('the events are not JSON')
  }
}

function toEvent(line: string): EngineEvent | undefined {
  const event = asRecord(parseLine(line))
  const actor = asRecord(event?.['Actor'])
  const id = parseContainerId(actor?.['ID'])
  const action = event?.['Action']
  if (id === undefined || event?.['Type'] !== 'container' || typeof action !== 'string') return undefined
  const labels = Object.create(null) as Record<string, string>
  for (const [key, text] of Object.entries(asRecord(actor?.['Attributes']) ?? {})) {
    if (typeof text === 'string') labels[key] = text
  }
  return { id, action, name: labels['name'] ?? '', labels }
}
