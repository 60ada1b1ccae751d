import { parseContainerId } from '../../domain/ids.ts'
import { show } from '../../domain/show.ts'
import type { Ids } from './fresh-answers.ts'

export const fullIdForm = 'a full container id, 64 lower-case hexadecimal digits'

/** The last line of a whole file. No beginning of a file ends with it, so a file that was cut short is never taken for whole. */
const endLine = 'end'

/** A million ids, each with its line feed, and the last line. */
export const mostTrackedBytes = 65 * 1024 * 1024

/** What a file holds, or what is wrong with it. */
export type TrackedContent = { readonly ids: Ids } | { readonly wrong: string }

/**
 * Full ids, one a line, then the line `end`; each line is ended by a line feed, and nothing follows. Blank lines,
 * spaces, carriage returns and comments make it invalid: only content that is understood in full is used. Pure.
 */
export function readContent(text: string): TrackedContent {
  if (text === '') return { wrong: `it is empty; ${endForm}` }
  const lines = text.split('\n')
  const rest = lines.pop()
  if (rest !== '') return { wrong: `its last line has no line feed; ${endForm}` }
  const endAt = lines.indexOf(endLine)
  if (endAt < 0) return { wrong: `its last line is ${show(lines.at(-1) ?? '')}; ${endForm}` }
  if (endAt < lines.length - 1)
    return { wrong: `line ${endAt + 2} follows the line "end", which must be the last` }
  lines.pop()
  const wrongAt = lines.findIndex((line) => !parseContainerId(line))
  if (wrongAt >= 0) return { wrong: `line ${wrongAt + 1} is not ${fullIdForm}` }
  return { ids: new Set(lines) }
}

const endForm = 'a complete file ends with the line "end"'

/** The same the other way round. */
export function contentOf(ids: Iterable<string>): string {
  return [...ids, endLine, ''].join('\n')
}
