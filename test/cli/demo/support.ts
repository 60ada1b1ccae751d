import type { Screen } from '../../../src/cli/demo/narrator.ts'

export interface RecordingScreen extends Screen {
  readonly writes: string[]
  readonly text: () => string
  /** Called with everything written up to now, after each write. */
  onWrite: ((text: string) => void) | undefined
}

export function recordingScreen({
  columns,
  rows = 40,
}: { columns?: number; rows?: number } = {}): RecordingScreen {
  const writes: string[] = []
  const screen: RecordingScreen = {
    writes,
    text: () => writes.join(''),
    onWrite: undefined,
    isTerminal: columns !== undefined,
    columns: () => columns ?? 80,
    rows: () => rows,
    hasColour: columns !== undefined,
    hasUnicode: true,
    write: (text) => {
      writes.push(text)
      screen.onWrite?.(writes.join(''))
    },
  }
  return screen
}

export const escape = '\u001B'
export const hideCursor = `${escape}[?25l`
export const showCursor = `${escape}[?25h`

/** What a terminal shows of a line. */
export function visible(line: string): string {
  return line.replaceAll('\r', '').replaceAll(new RegExp(`${escape}\\[[?\\d;]*[A-Za-z]`, 'g'), '')
}
