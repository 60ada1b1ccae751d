import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { firstCells } from './support/pages.ts'

const root = join(import.meta.dirname, '..')

interface Import {
  /** The importing file, from the top of the project. */
  readonly from: string
  /** The imported file from the top of the project, or the name of a package. */
  readonly to: string
  /** Types leave nothing behind at run time. */
  readonly isType: boolean
}

interface Arrow {
  readonly rule: string
  /** The importing files that the rule applies to. */
  readonly from: RegExp
  /** All that they may import at run time, except for what is in `ignoring`. */
  readonly mayImport: RegExp
  readonly ignoring?: RegExp
  /** The rule applies to types as well. */
  readonly alsoTypes?: true
}

const packages = /^(?!src\/|machines\/)/

/** From the top downwards. Rooms in one line do not import each other, unless `also` says so. */
const floors: readonly (readonly string[])[] = [
  ['cli'],
  ['index', 'reconciler', 'xstate-logic'],
  ['supervision'],
  ['removing', 'report'],
  ['scanning'],
  ['containers'],
  ['policy', 'engine', 'self'],
  ['options'],
  ['domain'],
  ['machines'],
]

/** Rooms beside the floors, with all of ours that they may import. */
const outbuildings: Readonly<Record<string, readonly string[]>> = {
  sessions: ['domain', 'options'],
  testing: ['domain'],
  inspector: ['domain', 'machines'],
  recording: ['domain', 'machines', 'inspector'],
}

const also: readonly (readonly [string, string])[] = [
  ['cli', 'inspector'],
  ['cli', 'recording'],
  ['cli', 'sessions'],
  ['cli', 'testing'],
  ['index', 'reconciler'],
  ['index', 'xstate-logic'],
  ['xstate-logic', 'reconciler'],
  ['policy', 'self'],
]

const arrows: readonly Arrow[] = [
  {
    rule: 'a machine imports xstate and the other machines only',
    from: /^machines\//,
    mayImport: /^(xstate(\/.+)?$|machines\/)/,
    alsoTypes: true,
  },
  {
    rule: 'the judge is pure: it imports one package, which formats durations, and no module of Node',
    from: /^src\/policy\//,
    mayImport: /^(src\/(policy|domain|options|self)\/|pretty-ms$)/,
    alsoTypes: true,
  },
  {
    rule: 'the options import no package',
    from: /^src\/options\//,
    mayImport: /^(src\/|node:util$)/,
  },
  {
    rule: 'the embedded engine is independent: it shares no code with what is tested on it',
    from: /^src\/testing\//,
    mayImport: /^src\/(testing\/|domain\/clock\.ts$)/,
    ignoring: packages,
  },
  {
    rule: 'nothing imports the command line',
    from: /^(src\/(?!cli\/)|machines\/)/,
    mayImport: /^(?!src\/cli\/)/,
    alsoTypes: true,
  },
  {
    rule: 'of the command only the demo imports the embedded engine',
    from: /^src\/cli\/(?!demo\/)/,
    mayImport: /^(?!src\/testing\/)/,
    alsoTypes: true,
  },
  {
    rule: 'the demo is loaded by its command alone, when it is played',
    from: /^src\/(?!cli\/demo\/)/,
    mayImport: /^(?!src\/cli\/demo\/(?!command\.ts$))/,
    alsoTypes: true,
  },
  {
    rule: 'only the demo knows dockerode, types as well, and only the engine makes modems',
    from: /^(src\/(?!engine\/connect\.ts$|cli\/demo\/)|machines\/)/,
    mayImport: /^(?!docker(ode|-modem)$)/,
    alsoTypes: true,
  },
  {
    rule: 'only the inspector imports servers of pages and messages',
    from: /^(src\/(?!inspector\/)|machines\/)/,
    mayImport: /^(?!(ws|hono|@hono\/.+)$)/,
  },
  {
    rule: "only the command line knows pino, types as well: of a host's logger the methods that are called are all that is asked",
    from: /^(src\/(?!cli\/)|machines\/)/,
    mayImport: /^(?!pino(-.+)?$)/,
    alsoTypes: true,
  },
]

const files = ['src', 'machines'].flatMap((top) => sourcesBelow(top))
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')))

describe('imports between modules go one way', () => {
  it.each(arrows.map((arrow) => [arrow.rule, arrow] as const))('%s', (_rule, arrow) => {
    expect(offences(imports, arrow)).toEqual([])
  })

  it('from the upper floors to the lower ones, types as well', () => {
    expect(imports.filter((one) => !isDownwards(one)).map(({ from, to }) => `${from} imports ${to}`)).toEqual(
      [],
    )
  })

  it('never in a circle among files, types as well', () => {
    expect(circles(imports)).toEqual([])
  })

  it('the judge reads no clock and no environment', () => {
    for (const file of files.filter((one) => one.startsWith('src/policy/'))) {
      const source = readFileSync(join(root, file), 'utf8')
      expect(source, file).not.toMatch(
        /\b(Date\.now|new Date\b|performance\b|setTimeout|setInterval|process\.)/,
      )
    }
  })
})

describe('the reading of the imports', () => {
  it('covers src and machines, and resolves every relative import to an existing file', () => {
    expect(files.length).toBeGreaterThanOrEqual(40)
    expect(imports.length).toBeGreaterThanOrEqual(150)
    const ours = imports.filter((found) => /^(src|machines)\//.test(found.to)).map((found) => found.to)
    expect(ours.filter((file) => !files.includes(file))).toEqual([])
  })

  it.each(arrows.map(({ rule, from }) => [rule, from] as const))(
    'applies to existing files: %s',
    (_rule, from) => {
      expect(files.filter((file) => from.test(file))).not.toEqual([])
    },
  )

  it('distinguishes types from values, in every form of an import', () => {
    const source = [
      "import type { A } from './a.ts'",
      "import { type B, b } from '../b.ts'",
      "import {\n  c,\n  type C,\n} from 'package/c'",
      "export { d } from './d.ts'",
      "export type { E } from './e.ts'",
      "export * from './f.ts'",
      "import './g.ts'",
      "const h = await import('node:h')",
      "type I = import('./i.ts').I",
    ].join('\n')
    expect(importsOf('src/x/y.ts', source).map(({ to, isType }) => [to, isType])).toEqual([
      ['src/x/a.ts', true],
      ['src/b.ts', false],
      ['package/c', false],
      ['src/x/d.ts', false],
      ['src/x/e.ts', true],
      ['src/x/f.ts', false],
      ['src/x/g.ts', false],
      ['node:h', false],
      ['src/x/i.ts', false],
    ])
  })

  it('has a floor for every room', () => {
    const rooms = new Set(files.map(roomOf))
    expect([...rooms].filter((room) => floorOf(room) === -1 && !Object.hasOwn(outbuildings, room))).toEqual(
      [],
    )
    expect([...floors.flat(), ...Object.keys(outbuildings)].filter((room) => !rooms.has(room))).toEqual([])
  })

  it('finds an import upwards, one to a neighbour and a circle', () => {
    const upwards = importsOf('src/policy/judge.ts', "import type { A } from '../scanning/scanner.ts'")
    const sideways = importsOf('src/policy/judge.ts', "import { b } from '../engine/port.ts'")
    const back = importsOf('src/scanning/scanner.ts', "import type { C } from '../policy/judge.ts'")
    expect([...upwards, ...sideways, ...back].map(isDownwards)).toEqual([false, false, true])
    expect(circles([...upwards, ...back])).toEqual(['src/policy/judge.ts', 'src/scanning/scanner.ts'])
    expect(circles([...sideways, ...back])).toEqual([])
  })

  it('finds an import that a rule forbids', () => {
    const bad = importsOf('machines/x.machine.ts', "import { remove } from '../src/engine/port.ts'")
    const found = arrows.filter((arrow) => offences(bad, arrow).length > 0).map((arrow) => arrow.rule)
    expect(found).toEqual(['a machine imports xstate and the other machines only'])
  })
})

describe('CONTRIBUTING.md, How it is laid out', () => {
  it('says of every room what it owns, from the top downwards', () => {
    const rooms = [...floors.flat(), ...Object.keys(outbuildings)]
    const described = firstCells('CONTRIBUTING.md', 'How it is laid out')
    expect(described.map((path) => roomOf(path.replace(/\/$/, '')))).toEqual(rooms)
    expect(described.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

function roomOf(file: string): string {
  const [top = '', room = ''] = file.split('/')
  return top === 'src' ? room.replace(/\.ts$/, '') : top
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room))
}

function isDownwards({ from, to }: Import): boolean {
  if (packages.test(to)) return true
  const [above, below] = [roomOf(from), roomOf(to)]
  if (above === below || also.some(([one, other]) => one === above && other === below)) return true
  const known = outbuildings[above]
  if (known) return known.includes(below)
  return !Object.hasOwn(outbuildings, below) && floorOf(above) < floorOf(below)
}

/** The files that import themselves, by way of others. */
function circles(found: readonly Import[]): string[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of found) if (!packages.test(to)) next.set(from, [...(next.get(from) ?? []), to])
  const leadsBack = (start: string) => {
    const seen = new Set<string>()
    const open = [...(next.get(start) ?? [])]
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (file === start) return true
      if (seen.has(file)) continue
      seen.add(file)
      open.push(...(next.get(file) ?? []))
    }
    return false
  }
  return [...next.keys()].filter(leadsBack).toSorted()
}

function offences(found: readonly Import[], arrow: Arrow): string[] {
  return found
    .filter((one) => arrow.from.test(one.from) && (arrow.alsoTypes === true || !one.isType))
    .filter((one) => arrow.ignoring?.test(one.to) !== true && !arrow.mayImport.test(one.to))
    .map((one) => `${one.from} imports ${one.to}`)
}

function importsOf(from: string, source: string): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s)?(?:[^'"`;=()]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm
  return [...source.matchAll(statement)].map(([, type, named, dynamic]) => ({
    from,
    to: resolved(from, named ?? dynamic ?? ''),
    isType: type !== undefined,
  }))
}

function resolved(from: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(dirname(from), specifier) : specifier
}

function sourcesBelow(top: string): string[] {
  return readdirSync(join(root, top), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}
