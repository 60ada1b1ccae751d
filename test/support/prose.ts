import { read } from './pages.ts'

/** One sentence of a page, with the line that it begins on. */
export interface Sentence {
  readonly line: number
  readonly text: string
}

/** Parts between such marks are generated from the code. */
const generated = /<!-- (?:\w+: generated|drawn|measured).*? -->[^]*?<!-- (?:\w+: )?(?:end|to here) -->/g

/** The handwritten sentences of a page, without code, generated parts and addresses. */
export function sentencesOf(page: string): readonly Sentence[] {
  return sentencesIn(read(page))
}

export function sentencesIn(markdown: string): readonly Sentence[] {
  const blank = (text: string) => text.replaceAll(/[^\n]/g, '')
  const prose = markdown
    .replaceAll(generated, blank)
    .replaceAll(/^ *```[^]*?^ *```$/gm, blank)
    .replaceAll(/`[^`\n]+`/g, (code) => (/[.!?]`$/.test(code) ? 'Code.' : 'Code'))
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
  return blocksIn(prose).flatMap(({ line, text }) =>
    text
      .split(/(?<=[.!?][)"*]*) +(?=[^a-z])/)
      .map((sentence) => ({ line, text: sentence.trim() }))
      .filter(({ text: sentence }) => sentence !== ''),
  )
}

/** Paragraphs, bullets, headings and the cells of tables, each on one line. */
function blocksIn(prose: string): Sentence[] {
  const blocks: { line: number; text: string }[] = []
  let open: { line: number; text: string } | undefined
  for (const [at, raw] of prose.split('\n').entries()) {
    const line = at + 1
    const text = raw.trim()
    if (/^\|.*\|$/.test(text)) {
      open = undefined
      for (const cell of text.slice(1, -1).split(' | ')) blocks.push({ line, text: cell.trim() })
    } else if (text === '' || /^#|^<!--/.test(text)) {
      open = undefined
      if (text.startsWith('#')) blocks.push({ line, text })
    } else if (!open || /^(?:[-*>]|\d+\.) /.test(text)) {
      open = { line, text }
      blocks.push(open)
    } else open.text += ` ${text}`
  }
  return blocks
}

/** The number of words in a sentence; a code span counts as one. */
export function wordCount({ text }: Sentence): number {
  return text.split(/\s+/).filter((word) => /\w/.test(word)).length
}
