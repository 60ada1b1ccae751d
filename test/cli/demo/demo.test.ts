import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Summary } from '../../../src/cli/demo/account.ts'
import { runDemo } from '../../../src/cli/demo/demo.ts'
import { openEmbeddedStage } from '../../../src/cli/demo/embedded-stage.ts'
import { fastestSpeed } from '../../../src/cli/demo/pace.ts'
import type { Evidence, Stage } from '../../../src/cli/demo/stage.ts'
import { blocks } from '../../support/pages.ts'
import { hideCursor, type RecordingScreen, recordingScreen, showCursor, visible } from './support.ts'

const storyLimitMs = 90_000

interface Played {
  readonly code: number
  readonly screen: RecordingScreen
  readonly stage: Stage
  readonly evidence: Evidence | undefined
}

interface Play {
  readonly screen?: RecordingScreen
  readonly json?: boolean
  readonly signal?: AbortSignal
  readonly tamper?: (evidence: Evidence) => Evidence
}

async function play({
  screen = recordingScreen(),
  tamper = (same) => same,
  ...options
}: Play): Promise<Played> {
  let stage: Stage | undefined
  let evidence: Evidence | undefined
  const openStage = async (): Promise<Stage> => {
    const embedded = await openEmbeddedStage()
    stage = { ...embedded, evidence: async () => tamper((evidence = await embedded.evidence())) }
    return stage
  }
  const code = await runDemo({ screen, speed: fastestSpeed, openStage, ...options })
  if (!stage) throw new Error('no stage was opened')
  return { code, screen, stage, evidence }
}

const leaks = ['job-5', 'job-6', 'job-8', 'web-2', 'job-9', 'job-10']
const survivors = ['neighbour', 'web-1', 'db-3', 'keep-4', 'job-7']
const widths = [100, 60, 34] as const
const moments = [
  '1  The agent works',
  '3  Graces',
  'the engine freezes',
  'goes down.',
  'The agent restarts',
] as const

function withoutFirst(evidence: Evidence): Evidence {
  return { ...evidence, removed: evidence.removed.slice(1) }
}

function withOneAskedFor(evidence: Evidence): Evidence {
  return { ...evidence, requested: new Set([...evidence.requested, ...[...evidence.living].slice(0, 1)]) }
}

function playUntil(moment: string): Promise<Played> {
  const screen = recordingScreen({ columns: 200 })
  const abort = new AbortController()
  screen.onWrite = (text) => {
    if (text.includes(moment)) abort.abort(new Error('interrupted'))
  }
  return play({ screen, signal: abort.signal })
}

/** Each play is half a minute at its usual speed, so all are played at once. */
async function playAll() {
  const [piped, json, unrecorded, overreaching, terminals, interrupted] = await Promise.all([
    play({}),
    play({ json: true }),
    play({ tamper: withoutFirst }),
    play({ tamper: withOneAskedFor, json: true }),
    Promise.all(widths.map((columns) => play({ screen: recordingScreen({ columns, rows: 30 }) }))),
    Promise.all(moments.map(playUntil)),
  ])
  return { piped, json, unrecorded, overreaching, terminals, interrupted }
}

let plays: Awaited<ReturnType<typeof playAll>>
beforeAll(async () => {
  plays = await playAll()
}, storyLimitMs)

/** The lines of the plain story about one container: its steps and its state after each. */
function changesOf(name: string): readonly string[] {
  const lines = plays.piped.screen.text().split('\n')
  const itsLines = lines.filter((line) => new RegExp(`^ +[\\d.]+s {2}${name} `).test(line))
  return itsLines.map((line) => line.replace(/^.*?[0-9a-f]{12} +/, '').replaceAll(/ {2,}/g, ' | '))
}

describe('the story, written to a pipe', () => {
  it('passes: the account agrees with the request log', () => {
    const { code, screen } = plays.piped
    expect(screen.text()).toContain("Checked against the engine's request log")
    expect(code).toBe(0)
  })

  it('has five chapters and a summary, in that order', () => {
    const lines = plays.piped.screen.text().split('\n')
    expect(lines.filter((line) => /^(\d {2}|Summary)/.test(line))).toEqual([
      '1  The agent works',
      '2  It loses containers',
      '3  Graces',
      '4  The agent crashes',
      '5  The engine goes down',
      'Summary',
    ])
  })

  it('is what README.md shows, but for its ids, times and the places where it wraps', () => {
    const plain = (text: string) =>
      text
        .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID')
        .replaceAll(/[\d.]+m?s\b/g, 'TIME')
        .replaceAll(/\b\d+ failed scans?/g, 'FAILED')
        .replaceAll(/\s+/g, ' ')
    const story = plain(plays.piped.screen.text())
    const [sample = ''] = blocks('README.md', 'text', 'See it first')
    const shown = plain(sample)
      .split(/ … |(?= TIME job)|(?= job-7 is registered)|(?= Leaked)|(?= Spared)|(?= The outage)|(?= ✓)/)
      .map((part) => part.trim())
    expect(shown.length).toBeGreaterThan(8)
    expect(shown.filter((part) => !story.includes(part))).toEqual([])
  })

  it('is plain text without any escape sequence', () => {
    expect(plays.piped.screen.text()).toBe(visible(plays.piped.screen.text()))
  })

  it('prints each change of a container in one line: one adopted at the last moment and restored is kept', () => {
    expect(changesOf('job-7')).toEqual([
      'discovered → classified → graced | graced: creation-grace',
      'graced → classified | tracked',
      'discovered → classified → graced | graced: restore-grace',
      'graced → classified | tracked',
    ])
  })

  it('prints every state of a removal, in the order of the chart', () => {
    expect(changesOf('job-9').slice(1)).toEqual([
      'graced | graced: recovery-grace',
      'graced → classified → removing | dangling: untracked',
      'removing → gone | removed',
    ])
  })

  it('prints nothing about a foreign container, which has no chart', () => {
    expect(changesOf('neighbour')).toEqual([])
  })

  it('prints an outage as one line when the engine goes down and one when it is back', () => {
    const text = plays.piped.screen.text()
    const log = text.split('\n').filter((line) => /^ +[\d.]+s {2}log /.test(line))
    expect(log.filter((line) => line.includes('does not answer'))).toHaveLength(1)
    expect(log.filter((line) => line.includes('answers again'))).toHaveLength(1)
    expect(text).toMatch(/The outage: [\w.]+ and \d+ failed scans caused \d log lines/)
  })

  it('leaves nothing behind', () => {
    expect(existsSync(dirname(plays.piped.stage.socketPath))).toBe(false)
  })
})

describe('the summary as JSON', () => {
  const summary = () => JSON.parse(plays.json.screen.text()) as Summary

  it('is one object on one line, and nothing else', () => {
    expect(plays.json.screen.text()).toMatch(/^\{.*\}\n$/)
    expect({ ok: summary().ok, code: plays.json.code }).toEqual({ ok: true, code: 0 })
  })

  it('lists every lost container as leaked, and then as removed', () => {
    const { leaked, removed } = summary()
    expect(leaked.map(({ name }) => name)).toEqual(leaks)
    for (const { removedAtMs, leakedAtMs } of leaked) expect(removedAtMs).toBeGreaterThan(leakedAtMs)
    expect(new Set(leaked.map(({ id }) => id))).toEqual(new Set(removed))
  })

  it('names each spared container with its reason', () => {
    const reasons = summary().spared.map(({ name, why }) => [name, why.replace(/ \(.*/, '')])
    expect(Object.fromEntries(reasons)).toEqual({
      neighbour: 'foreign: it has no chart',
      'web-1': 'tracked',
      'db-3': 'tracked',
      'keep-4': 'spared: keep-label',
      'job-7': 'tracked',
    })
  })

  it('agrees with the engine: the same removals, once each, and none requested for spared containers', () => {
    const { removed, requested, living } = plays.json.evidence as Evidence
    const { removed: reported, spared } = summary()
    expect([...removed].sort()).toEqual([...reported].sort())
    expect([...requested].sort()).toEqual([...reported].sort())
    expect([...living].sort()).toEqual(spared.map(({ id }) => id).sort())
    expect(spared.map(({ name }) => name).sort()).toEqual([...survivors].sort())
  })

  it('counts the failed scans and their log lines', () => {
    const { failedScans, lastedMs, logLines } = summary().outage
    expect(failedScans).toBeGreaterThan(1)
    expect(lastedMs).toBeGreaterThan(0)
    expect(logLines).toBeGreaterThanOrEqual(2)
  })
})

describe('the check can fail', () => {
  it('a removal unknown to the engine makes it exit 1', () => {
    const { code, screen } = plays.unrecorded
    expect(screen.text()).toMatch(
      /Flotsam reported that it removed job-[56], which the engine's\s+request\s+log\s+does/,
    )
    expect(code).toBe(1)
  })

  it('a requested removal of a spared container makes it exit 1, even with --json', () => {
    const { code, screen } = plays.overreaching
    const { ok, check } = JSON.parse(screen.text()) as Summary
    expect({ ok, code }).toEqual({ ok: false, code: 1 })
    expect(check.mismatches.join('\n')).toMatch(
      /^the removal of neighbour was requested, although it should have been spared$/m,
    )
  })
})

describe('the story on a terminal', () => {
  it.each(widths.map((columns, index) => [columns, index] as const))(
    'never writes beyond %i columns, and restores the cursor before the summary',
    (columns, index) => {
      const { code, screen } = plays.terminals[index] as Played
      const text = screen.text()
      const lines = visible(text).split('\n')
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(columns)
      expect(text.startsWith(hideCursor)).toBe(true)
      expect(text.lastIndexOf(showCursor)).toBeGreaterThan(text.lastIndexOf(hideCursor))
      expect(text.lastIndexOf(showCursor)).toBeLessThan(text.indexOf('Summary'))
      expect(code).toBe(0)
    },
  )

  it('shows a life as marks: new, graced, dangling, removing, gone', () => {
    const { screen } = plays.terminals[0] as Played
    expect(visible(screen.text())).toMatch(/ job-9 +[0-9a-f]{12} +○·+▲×■ +removed/)
  })

  it.each(moments.map((moment, index) => [moment, index] as const))(
    'interrupted at "%s" it restores the cursor, leaves nothing behind and exits 1',
    (_moment, index) => {
      const { code, screen, stage } = plays.interrupted[index] as Played
      expect(screen.text()).toContain('interrupted; everything that it created is removed')
      expect(screen.text()).not.toContain('Summary')
      expect(screen.text().lastIndexOf(showCursor)).toBeGreaterThan(screen.text().lastIndexOf(hideCursor))
      expect(existsSync(dirname(stage.socketPath))).toBe(false)
      expect(code).toBe(1)
    },
  )
})
