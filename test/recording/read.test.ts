import { describe, expect, test } from 'vitest'
import { readEntries } from '../../src/recording/read.ts'
import { entriesOf, header, inChunks } from './support/tape.ts'

const event = {
  time: '2026-11-29T12:00:00.000Z',
  actor: 'x:0',
  name: 'supervisor',
  chart: 'supervisor',
  event: { type: 'xstate.init', input: { policy: { isEnabled: false } } },
  state: 'disabled',
  context: { lastScan: null, recoveryEndsMs: '-Infinity', name: 'Infinity' },
}
const line = (value: unknown) => `${JSON.stringify(value)}\n`
const recording = line(header) + line(event)

async function kinds(text: string): Promise<string[]> {
  const found: string[] = []
  for await (const entry of entriesOf(text)) found.push(`${entry.line} ${entry.kind}`)
  return found
}

const first =
  'the first line must be that of a recording of flotsam run --record, or of a crash snapshot of --crash-file'
const whole = 'it must be a whole line of JSON, as flotsam run --record writes it'

describe('reads line by line', () => {
  test.each([1, 7, 10_000])('in chunks of %i characters', async (size) => {
    const found = []
    for await (const entry of readEntries('f', inChunks(recording, size))) found.push(entry.kind)
    expect(found).toEqual(['header', 'event'])
  })

  test('null is undefined, and a time without an end a number; no other text is one', async () => {
    const found = []
    for await (const entry of entriesOf(recording)) found.push(entry)
    expect(found[1]).toMatchObject({
      event: { context: { lastScan: undefined, recoveryEndsMs: -Infinity, name: 'Infinity' } },
    })
    expect(Object.keys((found[1] as unknown as { event: typeof event }).event.context)).toContain('lastScan')
  })

  test('several runs in one file', async () => {
    expect(await kinds(recording + recording)).toEqual(['1 header', '2 event', '3 header', '4 event'])
  })

  test('empty lines are left out and counted', async () => {
    expect(await kinds(`${line(header)}\n \n${line(event)}`)).toEqual(['1 header', '4 event'])
  })
})

describe('a line that was cut off when its run was killed is left out', () => {
  test.each([1, 30, 100])('the last of the file, %i characters before its end', async (missing) => {
    expect(await kinds(recording + line(event).slice(0, -missing - 1))).toEqual([
      '1 header',
      '2 event',
      '3 cut',
    ])
  })

  test('the last of a run that another one follows', async () => {
    const cut = `${line(event).slice(0, 50)}\n`
    expect(await kinds(recording + cut + recording)).toEqual([
      '1 header',
      '2 event',
      '3 cut',
      '4 header',
      '5 event',
    ])
  })

  test('the end of a disk that lost power', async () => {
    expect(await kinds(`${recording}${'\0'.repeat(5000)}`)).toEqual(['1 header', '2 event', '3 cut'])
  })

  test('a last line that lacks only its line break is whole', async () => {
    expect(await kinds(recording.trimEnd())).toEqual(['1 header', '2 event'])
  })
})

describe('anything else is one error that names the line and what is allowed', () => {
  test.each<[string, string, string]>([
    ['nothing', '', `run.jsonl is empty; ${first}`],
    ['only line breaks', '\n\n', `run.jsonl is empty; ${first}`],
    ['another file', 'hello\n', `run.jsonl:1: "hello" is not allowed; ${first}`],
    ['other JSON', '{"a":1}\n', `run.jsonl:1: "{\\"a\\":1}" is not allowed; ${first}`],
    ['JSON that is no object', '7\n', `run.jsonl:1: "7" is not allowed; ${first}`],
    [
      'the start of a header',
      '{"flotsam":"rec',
      `run.jsonl:1: "{\\"flotsam\\":\\"rec" is not allowed; ${first}`,
    ],
    [
      'another version',
      line({ ...header, version: 2 }),
      'run.jsonl:1: version 2 is not allowed; it must be 1',
    ],
    [
      'another version, in a later run',
      recording + line({ flotsam: 'recording', version: '1' }),
      'run.jsonl:3: version "1" is not allowed; it must be 1',
    ],
    [
      'garbage in the middle',
      `${line(header)}garbage\n${line(event)}`,
      `run.jsonl:2: "garbage" is not allowed; ${whole}`,
    ],
    ['garbage in the last line', `${recording}garbage\n`, `run.jsonl:3: "garbage" is not allowed; ${whole}`],
    ['an event before a header', line(event), 'run.jsonl:1: '],
    ['an event without a type', `${line(header)}${line({ ...event, event: {} })}`, `${whole}: event.type: `],
    ['an unknown chart', `${line(header)}${line({ ...event, chart: 'fleet' })}`, `${whole}: chart: `],
    [
      'a crash snapshot behind a recording',
      recording + line({ ...header, flotsam: 'crash' }),
      `is not allowed; ${whole}`,
    ],
    [
      'two crash snapshots',
      line({ ...header, flotsam: 'crash' }).repeat(2),
      'is not allowed; it must be a whole line of JSON, as flotsam run --crash-file writes it',
    ],
    ['an array', `${line(header)}[]\n`, `run.jsonl:2: "[]" is not allowed; ${whole}`],
  ])('%s', async (_what, text, message) => {
    await expect(kinds(text)).rejects.toThrow(message)
    await expect(kinds(text)).rejects.toMatchObject({ code: 'ERR_FLOTSAM_ARGUMENT' })
    await expect(kinds(text)).rejects.toThrow(/^run\.jsonl[ :][^\n]*$/)
  })

  test('a header that lacks a part', async () => {
    const { engine: _engine, ...rest } = header
    await expect(kinds(line(rest))).rejects.toThrow(`${first}: engine: `)
  })

  test('bounded-input: a value that is nested without end', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const text = `${line(header)}{"time":"","actor":"x:0","name":"","event":{"type":"stop","deep":${deep}}}\n`
    await expect(kinds(text)).rejects.toThrow('run.jsonl:2: it is nested more than 32 deep')
  })

  test('bounded-input: a line without end', async () => {
    async function* endless() {
      yield line(header)
      for (;;) yield 'x'.repeat(1_000_000)
    }
    const read = async () => {
      for await (const entry of readEntries('f', endless())) expect(entry.kind).toBe('header')
    }
    await expect(read()).rejects.toThrow(/^f:2: the line is longer than 16777216 characters; /)
  })
})
