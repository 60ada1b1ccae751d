import { StringDecoder } from 'node:string_decoder'

import { parseContainerId } from '../ids.ts'
import { AnswerError } from './failure.ts'
import type { EngineEvent } from './port.ts'
import { asRecord } from './record.ts'

/** Labels may be long; what goes on without an end is no event. */
const longestLineLength = 1024 * 1024

/**
 * The events of containers in a stream of JSON values, one a line, in whatever pieces it comes. What says nothing of a
 * container is left out; a last line without an end was cut off, and is left out too.
 *
 * @throws AnswerError where the stream holds something other than JSON
 */
export async function* readEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<EngineEvent> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const text = decoder.write(chunk)
    // What is waited for is looked through only once, however small the pieces are.
    const lines = text.includes('\n') ? (rest + text).split('\n') : [rest + text]
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = line.trim() === '' ? undefined : toEvent(line)
      if (event) yield event
    }
    if (rest.length > longestLineLength) throw new AnswerError('an event is longer than a million characters')
  }
}

function toEvent(line: string): EngineEvent | undefined {
  let said: unknown
  try {
    said = JSON.parse(line)
  } catch {
    throw new AnswerError('the events are not JSON')
  }
  const event = asRecord(said)
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
