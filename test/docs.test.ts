import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { containerMachine } from '../machines/index.ts'
import type { UnstampedEvent } from '../src/domain/events.ts'
import { createReconciler } from '../src/index.ts'
import { settings } from '../src/options/command-settings.ts'
import { lineOf } from '../src/report/log-line.ts'
import {
  bare,
  firstCells,
  handbook,
  pages,
  read,
  root,
  rowsUnder,
  section,
  wordsOf,
} from './support/pages.ts'

/** The text of a declaration, up to the empty line or the closing brace that ends it. */
function declaration(path: string, beginning: string): string {
  const [, after] = read(path).split(beginning)
  if (after === undefined) throw new Error(`${path} has no "${beginning}"`)
  return after.split(/^\}|^$/m)[0] as string
}

const quotedIn = (text: string) => [...text.matchAll(/'([\w-]+)'/g)].map(([, word]) => word as string)
const keysIn = (text: string) =>
  [...text.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, key]) => key as string)
/** Events and options contain empty lines and braces, so only a brace at the margin ends them. */
const body = (path: string, beginning: string) =>
  (read(path).split(beginning)[1] ?? '').split(/^\}/m)[0] as string
const events = keysIn(body('src/domain/events.ts', 'interface EventPayloads {'))
const sorted = (words: Iterable<string>) => [...words].toSorted()

describe('docs/reasons.md', () => {
  const page = 'docs/reasons.md'

  test('explains every reason of the judge under its verdict, and no other', () => {
    const grace = quotedIn(declaration('src/domain/verdict.ts', 'export type GraceReason ='))
    const spared = [
      ...quotedIn(declaration('src/domain/verdict.ts', 'export type SpareReason =')),
      ...quotedIn(declaration('src/domain/verdict.ts', 'export type ListingFault =')),
      ...quotedIn(declaration('src/domain/verdict.ts', 'export type Objection =')),
      ...quotedIn(declaration('src/domain/verdict.ts', 'const trackerFailures =')),
    ]
    const known = [
      ['tracked', 'tracked'],
      ['untracked', 'dangling'],
      ...grace.map((reason) => [reason, 'graced']),
      ...spared.map((reason) => [reason, 'spared']),
    ].map((pair) => pair.join(': '))
    const explained = rowsUnder(page, 'Verdicts and reasons').map(
      ([reason, verdict]) => `${bare(reason)}: ${verdict}`,
    )
    // not-self is one reason, whether the listing or the inspection shows it
    expect(sorted(explained)).toEqual(sorted(new Set(known)))
    expect(grace.length * spared.length).toBeGreaterThan(0)
  })

  test('names the rules in the order in which the judge checks them', () => {
    const asked = [...read('src/policy/judge.ts').matchAll(/^ {2}(?: {2}|\{ )name: '([\w-]+)'/gm)].map(
      ([, name]) => name,
    )
    expect(asked.length).toBeGreaterThan(0)
    expect(firstCells(page, 'Rules')).toEqual(asked)
    expect(sorted(asked as string[])).toEqual(
      sorted(quotedIn(declaration('src/policy/judge.ts', 'export type RuleName ='))),
    )
  })

  test('explains every event with the level of its log line, and no other', () => {
    const known = events.map((event) => `${event}: ${lineOf({ type: event } as UnstampedEvent).level}`)
    const explained = rowsUnder(page, 'Events').map(([event, level]) => `${bare(event)}: ${level}`)
    expect(sorted(explained)).toEqual(sorted(known))
  })

  test.each([
    ['Degraded', 'src/domain/events.ts', 'export type DegradedSubject ='],
    ['Kinds of failure', 'src/domain/errors.ts', 'export type FailureKind ='],
  ])('%s: explains each one, and no other', (heading, path, beginning) => {
    const known = quotedIn(declaration(path, beginning))
    expect(known).not.toEqual([])
    expect(sorted(firstCells(page, heading))).toEqual(sorted(known))
  })
})

describe('docs/operations.md', () => {
  const page = 'docs/operations.md'
  const rows = rowsUnder(page, 'Log lines')

  test('says what to do about every event that is logged at info or above', () => {
    const reported = new Set(rows.flatMap(([names]) => wordsOf(names)))
    const quiet = events.filter((event) => lineOf({ type: event } as UnstampedEvent).level === 'debug')
    const loud = events.filter((event) => !quiet.includes(event))
    expect(loud.filter((event) => !reported.has(event))).toEqual([])
    const alsoAtDebug = wordsOf(section(page, 'Log lines').split('At `debug`')[1])
    expect(sorted(alsoAtDebug)).toEqual(sorted(quiet))
    for (const about of quotedIn(declaration('src/domain/events.ts', 'export type DegradedSubject ='))) {
      expect([...reported]).toContain(about)
    }
  })

  test('quotes log lines as they are written', () => {
    const source = read('src/report/log-line.ts')
    const fragments = rows.flatMap(([, begins]) => (begins as string).split('…').map((part) => part.trim()))
    const quoted = fragments.filter((part) => part !== '' && part !== ',')
    expect(quoted.filter((part) => !source.includes(part.replace(/^, /, '')))).toEqual([])
  })

  test('shows a status with the fields of a real one', () => {
    const shown: unknown = JSON.parse(/```json\n(.*?)```/s.exec(read(page))?.[1] ?? '')
    const real = createReconciler({ owner: { label: 'l', value: 'v' }, tracked: new Set() }).status()
    const shapeOf = (status: object) =>
      Object.entries(status).map(([key, part]: [string, unknown]) => {
        const isNamed =
          typeof part === 'object' && part !== null && !Array.isArray(part) && key !== 'lastScan'
        return isNamed ? [key, Object.keys(part)] : key
      })
    expect(shapeOf(shown as object)).toEqual(shapeOf(real))
    const lastScan = (shown as { lastScan: object }).lastScan
    const declared = /lastScan: \{([^}]*)\}/.exec(read('src/supervision/status.ts'))?.[1] ?? ''
    expect(Object.keys(lastScan)).toEqual([...declared.matchAll(/readonly (\w+)/g)].map(([, key]) => key))
  })
})

describe('examples', () => {
  test('every TypeScript snippet and the example agent pass the compiler', async () => {
    const snippets = handbook.flatMap((page) =>
      [...read(page).matchAll(/```ts\n(.*?)```/gs)].map(([, code], at) => ({
        name: `${page.replaceAll(/\W/g, '-')}-${at + 1}.mts`,
        code: `${code}\nexport {}\n`,
      })),
    )
    expect(snippets.length).toBeGreaterThan(5)
    const wrong = {
      name: 'wrong.mts',
      code: "import { createReconciler } from 'flotsam'\ncreateReconciler({ tracked: 7 })\n",
    }
    const complaints = await compile([...snippets, wrong], ['examples/agent/agent.mjs'])
    const [ofWrong, ...others] = complaints.split('\n').filter((line) => /^\S/.test(line))
    expect(ofWrong).toMatch(/wrong\.mts\(2,.*TS2322/)
    expect(others).toEqual([])
  }, 30_000)

  test('every command and flag of flotsam in a command line exists', () => {
    const folder = join(root, 'src/cli')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
    const flags = new Set(settings.map(({ flag }) => flag))
    const lines = handbook.flatMap((page) => [
      ...read(page).matchAll(/flotsam (?:run|scan|sweep|explain|config|demo|replay|help)\b[^`\n]*/g),
    ])
    const used = new Set(lines.flatMap(([line]) => line.match(/--[a-z-]+/g) ?? []))
    expect(used).toContain('--tracked')
    const isKnown = (flag: string) =>
      flags.has(flag) || source.includes(`'${flag.slice(2)}'`) || new RegExp(`${flag}[ '\`]`).test(source)
    expect([...used].filter((flag) => !isKnown(flag))).toEqual([])
    const commands = new Set(lines.map(([line]) => line.split(' ')[1] as string))
    commands.delete('help')
    expect([...commands].filter((name) => !new RegExp(`'${name}[' ]`).test(source))).toEqual([])
  })
})

describe('the pages', () => {
  test('every relative link leads to a file, and to a heading that it has; none leads outside', () => {
    const broken = pages.flatMap((page) =>
      [...withoutCode(read(page)).matchAll(/\]\(([^)]+)\)/g)]
        .map(([, link]) => link as string)
        .filter((link) => !isReachable(page, link))
        .map((link) => `${page}: ${link}`),
    )
    expect(broken).toEqual([])
  })

  test('the diagram of the README has the states of the container chart', () => {
    const picture = /```mermaid\n(stateDiagram.*?)```/s.exec(read('README.md'))?.[1] ?? ''
    const drawn = [...picture.matchAll(/^ *(\w+|\[\*\]) --> (\w+|\[\*\])/gm)].flatMap(([, from, to]) => [
      from,
      to,
    ])
    const states = new Set(drawn.filter((name) => name !== '[*]') as string[])
    expect(sorted(states)).toEqual(sorted(Object.keys(containerMachine.states)))
  })

  test('every decision is listed by its title, numbered without a gap, and has its three parts', () => {
    const files = readdirSync(join(root, 'docs/decisions'))
      .filter((name) => /^\d{4}-/.test(name))
      .toSorted()
    const listed = [...read('docs/decisions/README.md').matchAll(/^- \[(\d+)\]\((.+)\) (.+)$/gm)]
    expect(listed.map(([, number, file, title]) => [file, `# ${number}: ${title}`])).toEqual(
      files.map((file) => [file, read(`docs/decisions/${file}`).split('\n')[0]]),
    )
    files.forEach((file, at) => {
      expect(file.slice(0, 4)).toBe(String(at + 1).padStart(4, '0'))
      const headings = read(`docs/decisions/${file}`).match(/^## .+$/gm)
      expect(headings).toEqual(['## Context', '## Decision', '## Consequences'])
    })
  })
})

/** The errors of the compiler for the snippets, which import `flotsam` as users do. */
async function compile(
  snippets: readonly { name: string; code: string }[],
  others: readonly string[],
): Promise<string> {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'flotsam-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const { name, code } of snippets) writeFileSync(join(folder, name), code)
  const settings = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      allowJs: true,
      checkJs: true,
      noUnusedLocals: false,
      typeRoots: [join(root, 'node_modules/@types')],
      paths: {
        flotsam: [join(root, 'src/index.ts')],
        'flotsam/inspector': [join(root, 'src/inspector/index.ts')],
        'flotsam/sessions': [join(root, 'src/sessions/index.ts')],
        'flotsam/testing': [join(root, 'src/testing/index.ts')],
      },
    },
    include: [],
    files: [...snippets.map(({ name }) => join(folder, name)), ...others.map((path) => join(root, path))],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    return `${stdout ?? ''}${stderr ?? ''}` || String(error)
  }
}

function isReachable(page: string, link: string): boolean {
  if (/^[a-z]+:/i.test(link)) return false
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : relative(root, join(root, dirname(page), path))
  if (!existsSync(join(root, target))) return false
  return (
    anchor === undefined ||
    anchorsOf(target).includes(anchor) ||
    read(target).includes(`<a id="${anchor}"></a>`)
  )
}

/** The anchors that hosts of Markdown generate from headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...withoutCode(read(page)).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title as string)
  const seen = new Map<string, number>()
  return headings.map((title) => {
    const words = title.toLowerCase().replaceAll(/[^\w\- ]/g, '')
    const anchor = words.replaceAll(' ', '-')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

function withoutCode(text: string): string {
  return text.replaceAll(/```.*?```/gs, '')
}
