import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { jsonLine } from '../../../src/cli/text.ts'
import type { RecordedEvent } from '../../../src/recording/format.ts'
import type { Header } from '../../../src/recording/header.ts'
import { readEntries } from '../../../src/recording/read.ts'
import { Recorder } from '../../../src/recording/recorder.ts'
import { replay, type ReplayOptions, type Replayed } from '../../../src/recording/replay.ts'

export const header: Header = {
  flotsam: 'recording',
  version: 1,
  by: '9.8.7',
  time: '2026-11-29T12:00:00.000Z',
  engine: 'unix:///run/engine.sock',
  owner: 'com.example.agent=agent-7',
  options: { period: '5m' },
}

/** A recording in memory, in the text that a file would have. */
export class Tape {
  readonly lines: string[] = [jsonLine(header)]
  readonly recorder = new Recorder({
    write: (event) => this.lines.push(jsonLine(event)),
    now: () => Date.UTC(2026, 10, 29, 12),
  })

  readonly inspect = this.recorder.inspect

  get text(): string {
    return this.lines.join('')
  }

  get events(): readonly RecordedEvent[] {
    return this.lines.slice(1).map((line) => JSON.parse(line) as RecordedEvent)
  }

  /** The number of the line of the first such event; lines are counted from 1. */
  lineOf(isIt: (event: RecordedEvent) => boolean): number {
    const at = this.events.findIndex(isIt)
    if (at < 0) throw new Error('there is no such event')
    return at + 2
  }
}

export async function* inChunks(text: string, size = 1000): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

export const entriesOf = (text: string) => readEntries('run.jsonl', inChunks(text))

export function replayed(text: string, options: Partial<ReplayOptions> = {}): Promise<Replayed> {
  return replay(entriesOf(text), { name: 'run.jsonl', ...options })
}

export const charts = { supervisor: supervisorMachine, container: containerMachine }
