import type { BoardChange } from './board.ts'
import type { LogLine } from './ledger.ts'

/** Narrates the story. */
export interface Narrator {
  chapter(title: string, text: string): void
  /** A sentence in the middle of a chapter. */
  say(text: string): void
  changed(change: BoardChange): void
  agentChanged(isAlive: boolean): void
  logged(line: LogLine): void
  /** Restores the terminal. Idempotent. */
  close(): void
}

/** The output of the story. */
export interface Screen {
  write(text: string): void
  /** Whether lines can be overwritten. */
  readonly isTerminal: boolean
  readonly columns: () => number
  readonly rows: () => number
  readonly hasColour: boolean
  readonly hasUnicode: boolean
}

export const silentNarrator: Narrator = {
  chapter: () => {},
  say: () => {},
  changed: () => {},
  agentChanged: () => {},
  logged: () => {},
  close: () => {},
}

/** Wraps the text at so many columns. A longer word gets a line of its own. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((word) => word !== '')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
