import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isStuckAfter, retryDelayMs, slotTimeMs } from '../machines/container.machine.ts'
import { unknownRecheckMs } from '../machines/container.record.ts'
import { failed } from '../machines/failure-streaks.ts'
import { hintPauseMs, pauseMs } from '../machines/scan-pace.ts'
import { verdictLifeMs } from '../machines/supervisor.machine.ts'
import { maxHung } from '../src/containers/removal-queue.ts'
import { settings } from '../src/options/command-settings.ts'
import { parseDuration } from '../src/options/duration.ts'
import { options } from '../src/options/schema.ts'
import { removalDeadlineMs } from '../src/removing/attempt.ts'
import { extendedDeadlineMs, failedAgain } from '../src/scanning/failed-questions.ts'
import { inspectionsAtOnce } from '../src/scanning/namespace-facts.ts'
import { bare, firstCells, handbook, read, root, rowsUnder, wordsOf } from './support/pages.ts'

/** The statecharts are generated; the changelog names what was. */
const pages = handbook.filter((page) => !['docs/statecharts.md', 'CHANGELOG.md'].includes(page))

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((name) => /\.(?:tsx?|mjs|sh)$/.test(name))
}

const withoutComments = (code: string) => code.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/ .*$/gm, '')
const codeBelow = (...folders: string[]) =>
  folders.flatMap((folder) => below(folder).map((name) => withoutComments(read(name)))).join('\n')

const product = codeBelow('src', 'machines')
const tools = [codeBelow('test', 'scripts', 'bench', 'examples'), read('.ci/run')].join('\n')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** What a page has in backquotes, outside of its blocks. */
const quotedOn = (some: readonly string[]) =>
  some.flatMap((page) =>
    wordsOf(read(page).replaceAll(/^ *```[^]*?^ *```$/gm, '')).map((text) => ({ page, text })),
  )
const quoted = quotedOn(pages)
const listed = (found: readonly { page: string; text: string }[]) =>
  found.map(({ page, text }) => `${page}: ${text}`)

describe('paths', () => {
  /** Names of packages and modules have a slash too. */
  const isModule = (text: string) => /^(?:@[\w-]+\/|flotsam\/|xstate\/)/.test(text)
  const paths = quotedOn(handbook).filter(
    ({ text }) => /^\.?[\w-]+(?:\/[\w.-]+)+\/?$/.test(text) && !isModule(text),
  )

  test('every path exists', () => {
    expect(paths.length).toBeGreaterThan(100)
    const isThere = ({ page, text }: { page: string; text: string }) =>
      [text, normalize(join(dirname(page), text))].some((path) => existsSync(join(root, path)))
    expect(listed(paths.filter((path) => !isThere(path)))).toEqual([])
  })

  test('every function or class that a page places in a file is in that file', () => {
    const placed = pages.flatMap((page) =>
      [...read(page).matchAll(/`(\w+)` in\s+`((?:src|machines)\/[\w./-]+\.ts)`/g)].map(
        ([, name = '', path = '']) => ({ page, name, path }),
      ),
    )
    expect(placed.length).toBeGreaterThanOrEqual(6)
    const missing = placed.filter(({ name, path }) => !new RegExp(`\\b${name}\\b`).test(read(path)))
    expect(missing).toEqual([])
  })
})

describe('names', () => {
  /** Of Node, XState, Docker, Podman, HAProxy, Nomad and ssh. */
  const foreign: ReadonlySet<string> = new Set(
    `BatchMode ControlMaster Date Infinity Request Response NetworkMode PidMode UpperDir createTestModel
    listContainers perf_hooks monitorEventLoopDelay volumes_from extra_labels node_id gc dangling_containers enableServiceLinks
    createActor onDone onError fromTransition`.split(/\s+/),
  )
  /** Of the example of a new option. */
  const ofExamples: ReadonlySet<string> = new Set(['maxAge', 'maxAgeMs'])
  const isKnown = (word: string, where: string) => new RegExp(`(?<![\\w$])${word}(?![\\w$])`).test(where)

  test('every name that is written like one of the code is in the code', () => {
    const looksLikeCode = (text: string) =>
      /^[A-Za-z_$][\w$]*(?:\(.*\))?(?:\.[\w$]+)*$/.test(text) && /[a-z][A-Z]|^[A-Z][a-z]|\(|\w\.\w/.test(text)
    const found = quoted.filter(({ text }) => looksLikeCode(text) && !/\.(?:md|ts|json|yaml)$/.test(text))
    expect(found.length).toBeGreaterThan(100)
    const unknown = found.filter(({ text }) => {
      if (text.startsWith('com.')) return false
      const words = text.replace(/\(.*\)/, '').split('.')
      return words.some(
        (word) =>
          !foreign.has(word) && !ofExamples.has(word) && !isKnown(word, product) && !isKnown(word, tools),
      )
    })
    expect(listed(unknown)).toEqual([])
  })

  test('every error code and every FLOTSAM_ variable is one that is read', () => {
    const known = new Set(settings.map(({ variable }) => variable))
    const found = quoted.flatMap(({ page, text }) =>
      [...text.matchAll(/\b(?:FLOTSAM|ERR_FLOTSAM)_[A-Z_]+\b/g)].map(([name]) => ({ page, text: name })),
    )
    expect(found.length).toBeGreaterThan(20)
    // what a page warns of, and the variable of the option in the example
    const unreal = new Set(['FLOTSAM_DRYRUN', 'FLOTSAM_MAX_AGE', 'FLOTSAM_SESSION'])
    const unknown = found.filter(
      ({ text }) => !known.has(text) && !unreal.has(text) && !isKnown(text, product) && !isKnown(text, tools),
    )
    expect(listed(unknown)).toEqual([])
  })

  test('every flag is one of the command, of a script, or of the tool that is named with it', () => {
    /** Of docker and podman, where the page does not repeat their name. */
    const ofEngines = new Set([
      '--change',
      '--require',
      '--requires',
      '--rootfs',
      '--filter',
      '--stop-timeout',
    ])
    const known = new Set(settings.map(({ flag }) => flag))
    // the flag of the option in the example, and one that a decision says is gone
    const unreal = new Set(['--max-age', '--include-stopped'])
    const found = quoted.flatMap(({ page, text }) =>
      [...text.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([flag]) => ({ page, text: flag })),
    )
    expect(found.length).toBeGreaterThan(60)
    const isReal = (text: string) =>
      known.has(text) ||
      ofEngines.has(text) ||
      unreal.has(text) ||
      new RegExp(`--${text.slice(2)}(?![\\w-])`).test(product + tools) ||
      new RegExp(`['\\s{]${text.slice(2)}['"]?[:,\\s]`).test(tools)
    const unknown = new Set([...new Set(found.map(({ text }) => text))].filter((flag) => !isReal(flag)))
    expect(listed(found.filter(({ text }) => unknown.has(text)))).toEqual([])
  })

  test('every npm script exists', () => {
    const found = pages.flatMap((page) =>
      [...read(page).matchAll(/\bnpm run ([\w:]+)/g)].map(([, text = '']) => ({ page, text })),
    )
    expect(found.length).toBeGreaterThan(20)
    expect(listed(found.filter(({ text }) => scripts[text] === undefined))).toEqual([])
  })

  test('the new names of the changelog are in the code', () => {
    const renames = rowsUnder('CHANGELOG.md', 'Renamed')
    expect(renames.length).toBeGreaterThan(20)
    const rules = firstCells('README.md', 'What it will not do')
    const all = renames.flatMap(([, , after]) => wordsOf(after)).filter((name) => !rules.includes(name))
    const unknown = all.filter((text) => {
      const words =
        text
          .split(' ')[0]
          ?.replace(/\(.*\)/, '')
          .replace(/^flotsam\./, '')
          .split('.') ?? []
      const isOfCommand = settings.some(({ flag, variable }) => [flag, variable].includes(words[0] ?? ''))
      return !isOfCommand && !words.every((word) => isKnown(word, product)) && !product.includes(`'${text}'`)
    })
    expect(unknown).toEqual([])
  })
})

const asNumber = (text: string) => {
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
  const word = words.indexOf(text.toLowerCase())
  if (word >= 0) return word
  return text.toLowerCase() === 'fifty' ? 50 : Number(text.replaceAll(',', ''))
}

/** The value of a constant that its file does not export. */
function constant(path: string, name: string): number {
  const code = read(path)
  const [, expression] = new RegExp(`\\b${name} = ([\\w *]+)$`, 'm').exec(code) ?? []
  if (expression === undefined) throw new Error(`${path} has no constant ${name}`)
  const value = (factor: string): number =>
    /^\d/.test(factor) ? Number(factor.replaceAll('_', '')) : constant(path, factor)
  return expression.split(' * ').reduce((product_, factor) => product_ * value(factor.trim()), 1)
}

const seconds = (ms: number) => ms / 1000
const minutes = (ms: number) => ms / 60_000
const defaultSeconds = (name: 'releaseGrace' | 'restoreGrace' | 'creationGrace' | 'period') =>
  seconds(parseDuration(options[name].default) ?? Number.NaN)
const onceFailed = failedAgain(undefined, 0)
const doubled = [1, 2, 3].map((times) => {
  let streaks = {}
  const report = (ms: number) => {
    const noted = failed(streaks, { about: 'hook', kind: 'hook-failed', message: '' }, ms)
    streaks = noted.streaks
    return noted.streak.reportAtMs
  }
  let atMs = report(0)
  for (let time = 1; time < times; time += 1) atMs = report(atMs)
  return minutes(atMs)
})

const longAgo = { endedMs: 0, tookMs: 1, usualMs: 1 }
const slow = { endedMs: 0, tookMs: 1e9, usualMs: 1e9 }

/** The numbers of the pages, and where the code has them. */
const claims: readonly (readonly [page: string, says: RegExp, isSo: readonly number[]])[] = [
  ['README.md', /whose listing is at most (\d+) s old/, [seconds(verdictLifeMs)]],
  [
    'README.md',
    /By default (\w+) removals at once, and (\w+) per scan/,
    [options.maxConcurrentRemovals.default, options.maxRemovalsPerScan.default],
  ],
  ['README.md', /Keep the defaults of (\w+) minutes/, [defaultSeconds('creationGrace') / 60]],
  ['README.md', /is removed within (\d+) s of the end of its grace/, [seconds(slotTimeMs)]],
  ['examples/agent/README.md', /keeps the defaults of (\w+) minutes/, [defaultSeconds('restoreGrace') / 60]],
  [
    'docs/guide.md',
    /or no answer within (\d+) s spares/,
    [seconds(constant('src/supervision/supervision.ts', 'trackerDeadlineMs'))],
  ],
  [
    'docs/guide.md',
    /gives those in progress (\d+) s to settle/,
    [seconds(constant('machines/supervisor.machine.ts', 'settleTimeMs'))],
  ],
  [
    'docs/guide.md',
    /`recoveryGrace` under (\d+) s is refused/,
    [seconds(constant('src/options/contradiction.ts', 'shortestSafeGraceMs'))],
  ],
  [
    'docs/guide.md',
    /The endpoint must answer within ([\d.]+) s/,
    [seconds(constant('src/cli/tracked/url.ts', 'deadlineMs'))],
  ],
  [
    'docs/guide.md',
    /restart policy only the first (\w+) count/,
    [constant('src/policy/second-source.ts', 'startsByPolicy')],
  ],
  [
    'docs/operations.md',
    /Those in progress have (\d+) s to settle/,
    [seconds(constant('machines/supervisor.machine.ts', 'settleTimeMs'))],
  ],
  [
    'docs/operations.md',
    /refused to remove it (\w+) times, or answered (\w+) times/,
    [firstStuck('refused'), firstStuck('in-progress')],
  ],
  ['docs/operations.md', /the end every (\d+) minutes/, [minutes(retryDelayMs(100))]],
  ['docs/operations.md', /logged again after (\d+), (\d+), (\d+), 8… minutes/, doubled],
  ['docs/reasons.md', /Emitted after (\d+), (\d+), (\d+), 8… minutes/, doubled],
  [
    'docs/reasons.md',
    /gave no answer within (\d+) s/,
    [seconds(constant('src/supervision/supervision.ts', 'trackerDeadlineMs'))],
  ],
  [
    'docs/reasons.md',
    /They agree. It is inspected again after (\d+) s/,
    [seconds(constant('machines/container.record.ts', 'disagreedRecheckMs'))],
  ],
  [
    'docs/reasons.md',
    /image can be inspected. It is inspected again after (\d+) s/,
    [seconds(onceFailed.untilMs)],
  ],
  [
    'docs/reasons.md',
    /or is gone; the log names it. It is inspected again after (\d+) s/,
    [seconds(onceFailed.untilMs)],
  ],
  ['docs/least-privilege.md', /after (\w+) attempts `stuck`/, [firstStuck('refused')]],
  [
    'docs/nomad.md',
    /a creation grace\s+under (\d+) s/,
    [seconds(constant('src/options/contradiction.ts', 'shortestSafeGraceMs'))],
  ],
  ['docs/decisions/0002-fleet.md', /Slices of (\d+) ms/, [constant('src/domain/slices.ts', 'sliceMs')]],
  ['docs/decisions/0004-freshness.md', /came back at most (\d+) s ago/, [seconds(verdictLifeMs)]],
  [
    'docs/decisions/0005-unclear-answers.md',
    /waits (\d+), (\d+) and (\d+) s, then (\d+), (\d+) and (\d+) minutes, and from then on (\d+) minutes/,
    [1, 2, 3]
      .map((failures) => seconds(retryDelayMs(failures)))
      .concat([4, 5, 6, 7].map((failures) => minutes(retryDelayMs(failures)))),
  ],
  [
    'docs/decisions/0005-unclear-answers.md',
    /After (\w+) failures it is reported as stuck/,
    [firstStuck('refused')],
  ],
  ['docs/decisions/0005-unclear-answers.md', /in progress it is after (\w+)/, [firstStuck('in-progress')]],
  [
    'docs/decisions/0005-unclear-answers.md',
    /takes longer than (\d+) s releases its slot/,
    [seconds(slotTimeMs)],
  ],
  ['docs/decisions/0005-unclear-answers.md', /At most\s+(\d+) attempts/, [maxHung]],
  [
    'docs/decisions/0005-unclear-answers.md',
    /has a deadline of (\d+) s, which doubles with each failure up to (\w+) minutes/,
    [seconds(removalDeadlineMs(0)), minutes(removalDeadlineMs(100))],
  ],
  [
    'docs/decisions/0006-listing-as-a-stream.md',
    /slices of (\d+) KiB/,
    [constant('src/engine/listing.ts', 'sliceBytes') / 1024],
  ],
  [
    'docs/decisions/0010-stalls.md',
    /at\s+least (\d+) s and at most (\d+) s/,
    [...read('src/supervision/supervision.ts').matchAll(/Math\.min\((\d+), Math\.max\((\d+),/g)].flatMap(
      ([, most, least]) => [seconds(Number(least)), seconds(Number(most))],
    ),
  ],
  [
    'docs/decisions/0010-stalls.md',
    /default creation grace of (\d+) minutes/,
    [defaultSeconds('creationGrace') / 60],
  ],
  [
    'docs/decisions/0016-pace-of-removals.md',
    /\*\*(\w+) removals at once stay the default/,
    [options.maxConcurrentRemovals.default],
  ],
  [
    'docs/decisions/0016-pace-of-removals.md',
    /Each batch of (\w+) needs a scan/,
    [options.maxRemovalsPerScan.default],
  ],
  ['docs/performance.md', /each batch of (\d+) needs one/, [options.maxRemovalsPerScan.default]],
  ['docs/decisions/0012-questions.md', /A verdict lives (\d+) s/, [seconds(verdictLifeMs)]],
  [
    'docs/decisions/0012-questions.md',
    /The tracker has (\d+) s/,
    [seconds(constant('src/supervision/supervision.ts', 'trackerDeadlineMs'))],
  ],
  [
    'docs/decisions/0012-questions.md',
    /At most (\d+) questions/,
    [constant('src/scanning/tracker-questions.ts', 'questionsAtOnce')],
  ],
  [
    'docs/decisions/0012-questions.md',
    /container has (\d+) s as well, and up to (\d+) s/,
    [
      seconds(constant('src/supervision/supervision.ts', 'inspectDeadlineMs')),
      seconds(
        extendedDeadlineMs(constant('src/supervision/supervision.ts', 'inspectDeadlineMs'), {
          failures: 100,
          untilMs: 0,
        }),
      ),
    ],
  ],
  ['docs/decisions/0012-questions.md', /asked again after (\d+) s, then/, [seconds(onceFailed.untilMs)]],
  [
    'docs/decisions/0014-events.md',
    /A hint waits (\d+) ms/,
    [constant('src/supervision/supervisor-behaviour.ts', 'hintSettleMs')],
  ],
  [
    'docs/decisions/0015-only-what-changed.md',
    /A slice is (\d+) ms, or (\w+) containers/,
    [constant('src/domain/slices.ts', 'sliceMs'), constant('src/domain/slices.ts', 'itemsPerReading')],
  ],
  ['docs/decisions/0020-second-source.md', /with (\d+) at once/, [inspectionsAtOnce]],
  ['docs/decisions/0020-second-source.md', /asked again after (\d+) s/, [seconds(onceFailed.untilMs)]],
  ['docs/performance.md', /done in slices of (\d+) ms/, [constant('src/domain/slices.ts', 'sliceMs')]],
  ['docs/performance.md', /and of at least (\d+) ms/, [pauseMs(longAgo)]],
  ['docs/performance.md', /longer than the (\d+) s that a verdict lives/, [seconds(verdictLifeMs)]],
  [
    'docs/inspector.md',
    /changes are collected for (\d+) ms/,
    [constant('src/inspector/tab.ts', 'collectMs')],
  ],
  ['docs/inspector.md', /disconnected with code (\d+)/, [constant('src/inspector/tab.ts', 'tooSlow')]],
]

function firstStuck(kind: string): number {
  return (
    Array.from({ length: 20 }, (_, at) => at).find((failures) => isStuckAfter(failures, kind)) ?? Number.NaN
  )
}

describe('numbers', () => {
  test.each(claims)('%s: %s', (page, says, isSo) => {
    const matches = [...read(page).matchAll(new RegExp(says, 'g'))]
    expect(matches, 'the page no longer says it like this').not.toEqual([])
    for (const [, ...said] of matches) expect(said.map(asNumber)).toEqual(isSo)
  })

  test('half a second to half a minute between scans of hints, and a minute at most between questions', () => {
    expect(read('docs/decisions/0014-events.md')).toContain('between half a second and half a minute')
    expect([hintPauseMs(longAgo), hintPauseMs(slow)]).toEqual([500, 30_000])
    expect(read('docs/decisions/0012-questions.md')).toMatch(/pauses that double up to a\s+minute/)
    expect(unknownRecheckMs).toBe(60_000)
  })

  test('the states that are covered by default are those of the option, wherever a page lists them', () => {
    const lists = pages.flatMap((page) =>
      [...read(page).matchAll(/covered(?: are|:) ((?:`\w+`(?:, | and ))+`\w+`)/g)].map(([, list]) =>
        wordsOf(list),
      ),
    )
    expect(lists.length).toBeGreaterThanOrEqual(1)
    for (const list of lists) expect(list).toEqual(options.states.default)
    expect(options.states.default).not.toContain('exited')
    expect(read('docs/reasons.md')).toContain('such as `exited` by default')
    expect(read('README.md')).toContain('By default containers that have exited are not removed')
  })

  test('docs/inspector.md: every option has the default of the table', () => {
    const code = read('src/inspector/inspector.ts')
    const shown = rowsUnder('docs/inspector.md', 'In an agent').map(([name, value]) => [
      bare(name),
      bare(value),
    ])
    expect(shown).toEqual([
      ['port', '0'],
      ['history.actors', String(constant('src/inspector/inspector.ts', 'defaultActors'))],
      ['history.events', String(constant('src/inspector/inspector.ts', 'defaultEvents'))],
      ['present', 'shows all'],
    ])
    expect(code).toContain('port = 0')
  })
})
