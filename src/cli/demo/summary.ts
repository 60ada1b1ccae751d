import { shortId } from '../../domain/ids.ts'
import { formatDuration } from '../../options/duration.ts'
import type { Summary } from './account.ts'
import { type Ink, inkFor } from './glyphs.ts'
import { type Screen, wrap } from './narrator.ts'

const widestText = 100

/** Formats the summary as text. */
export function reportSummary(summary: Summary, screen: Screen): string {
  const ink = inkFor(screen)
  const width = Math.min(screen.columns(), widestText) - 1
  const lines = [
    '',
    ink.paint('bold', 'Summary'),
    '',
    ...leakedLines(summary, ink, width),
    '',
    ...sparedLines(summary, ink, width),
    '',
    ...outageLines(summary, width),
    '',
    ...checkLines(summary, ink, width),
  ]
  return `${lines.join('\n')}\n`
}

function leakedLines({ leaked }: Summary, ink: Ink, width: number): string[] {
  const rows = leaked.map(({ name, id, how, leakedAtMs, removedAtMs }) => {
    const end =
      removedAtMs === null
        ? 'never removed'
        : `removed ${formatDuration(removedAtMs - leakedAtMs)} later, at ${formatDuration(removedAtMs)}`
    return row(name, id ?? '', `${how}; ${end}`, ink, width)
  })
  return [`  Leaked and removed: ${leaked.length}`, ...rows.flat()]
}

function sparedLines({ spared }: Summary, ink: Ink, width: number): string[] {
  return [
    `  Spared: ${spared.length}`,
    ...spared.flatMap(({ name, id, why }) => row(name, id, why, ink, width)),
  ]
}

function outageLines({ outage: { lastedMs, failedScans, logLines } }: Summary, width: number): string[] {
  const scans = `${failedScans} failed ${failedScans === 1 ? 'scan' : 'scans'}`
  const text = `The outage: ${formatDuration(lastedMs)} and ${scans} caused ${logLines} log ${logLines === 1 ? 'line' : 'lines'}`
  return paragraph(text, width)
}

function checkLines({ check, removed, spared }: Summary, ink: Ink, width: number): string[] {
  const { source, mismatches } = check
  if (mismatches.length === 0) {
    const text =
      `${ink.tick} Checked against ${source}: the same ${removed.length} containers removed, each once; ` +
      `no removal of the ${spared.length} spared ones was requested, and all of them still exist.`
    return paragraph(text, width).map((line) => ink.paint('green', line))
  }
  const reported = mismatches.flatMap((mismatch) => paragraph(`${ink.cross} ${mismatch}`, width))
  return [...paragraph(`This disagrees with ${source}:`, width), ...reported].map((line) =>
    ink.paint('red', line),
  )
}

function row(name: string, id: string, text: string, ink: Ink, width: number): string[] {
  const idWidth = width >= 79 ? 12 : 0
  const head = `    ${name.padEnd(9)}  ${idWidth > 0 ? `${shortId(id).padEnd(idWidth)}  ` : ''}`
  const [first = '', ...more] = wrap(text, Math.max(16, width - head.length))
  const indent = ' '.repeat(head.length)
  return [ink.paint('plain', head) + first, ...more.map((line) => indent + line)]
}

function paragraph(text: string, width: number): string[] {
  return wrap(text, width - 2).map((line) => `  ${line}`)
}
