import type { EngineStanding, Standing } from './board.ts'

/** One mark of a lane: the state at that time. */
export type Mark =
  | 'absent'
  | 'discovered'
  | 'graced'
  | 'tracked'
  | 'spared'
  | 'dangling'
  | 'removing'
  | 'gone'
  | 'up'
  | 'down'

export function markOf({ state, verdict, isWatched }: Standing): Mark {
  if (!isWatched) return 'absent'
  return state === 'classified' ? verdict : state
}

export function markOfEngine(health: EngineStanding): Mark {
  return health === 'up' || health === 'down' ? health : 'absent'
}

const unicodeGlyphs: Readonly<Record<Mark, string>> = {
  absent: ' ',
  discovered: '○',
  graced: '·',
  tracked: '━',
  spared: '═',
  dangling: '▲',
  removing: '×',
  gone: '■',
  up: '━',
  down: '░',
}

const asciiGlyphs: Readonly<Record<Mark, string>> = {
  absent: ' ',
  discovered: 'o',
  graced: '.',
  tracked: '-',
  spared: '=',
  dangling: '!',
  removing: 'x',
  gone: '#',
  up: '-',
  down: '~',
}

const colours: Readonly<Record<Mark, Style>> = {
  absent: 'plain',
  discovered: 'yellow',
  graced: 'yellow',
  tracked: 'green',
  spared: 'cyan',
  dangling: 'red',
  removing: 'red',
  gone: 'dim',
  up: 'green',
  down: 'red',
}

export type Style = 'plain' | 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const codes: Readonly<Record<Exclude<Style, 'plain'>, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
}

/** The characters and colours that the screen supports. */
export interface Ink {
  paint(style: Style, text: string): string
  /** Renders marks, grouped by runs of equal ones. */
  lane(marks: readonly Mark[]): string
  glyph(mark: Mark): string
  readonly arrow: string
  readonly dot: string
  readonly tick: string
  readonly cross: string
  readonly ellipsis: string
}

export function inkFor({ hasColour, hasUnicode }: { hasColour: boolean; hasUnicode: boolean }): Ink {
  const glyphs = hasUnicode ? unicodeGlyphs : asciiGlyphs
  const paint = (style: Style, text: string) =>
    hasColour && style !== 'plain' && text !== '' ? `\u001B[${codes[style]}m${text}\u001B[0m` : text
  return {
    paint,
    lane: (all) =>
      runsOf(all)
        .map((run) => paint(colours[run.mark], glyphs[run.mark].repeat(run.count)))
        .join(''),
    glyph: (mark) => paint(colours[mark], glyphs[mark]),
    arrow: hasUnicode ? '→' : '->',
    dot: hasUnicode ? '·' : '-',
    tick: hasUnicode ? '✓' : 'ok',
    cross: hasUnicode ? '✗' : 'NO',
    ellipsis: hasUnicode ? '…' : '~',
  }
}

function runsOf(all: readonly Mark[]): readonly { readonly mark: Mark; readonly count: number }[] {
  const runs: { mark: Mark; count: number }[] = []
  for (const mark of all) {
    const last = runs.at(-1)
    if (last?.mark === mark) last.count++
    else runs.push({ mark, count: 1 })
  }
  return runs
}
