import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

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
  /** The importing files that the rule speaks of. */
  readonly from: RegExp
  /** All that they may import at run time; what the rule does not speak of is in `ignoring`. */
  readonly mayImport: RegExp
  readonly ignoring?: RegExp
  /** The rule holds for types as well. */
  readonly alsoTypes?: true
}

const packages = /^(?!src\/|machines\/)/
const leaves = /^src\/(events|errors|ids|clock|duration)\.ts$/

const arrows: readonly Arrow[] = [
  {
    rule: 'a machine imports xstate and the other machines only; from src at most types',
    from: /^machines\//,
    mayImport: /^(xstate(\/.+)?$|machines\/)/,
  },
  {
    rule: 'a machine takes types from nowhere but xstate, the other machines and src',
    from: /^machines\//,
    mayImport: /^(xstate(\/.+)?$|machines\/|src\/)/,
    alsoTypes: true,
  },
  {
    rule: 'the judge is pure: no module of Node, no package, and nothing of ours that could do anything',
    from: /^src\/judge\.ts$/,
    mayImport: /^src\/(errors|ids|owner)\.ts$/,
  },
  {
    rule: 'the leaves import nothing of ours but each other',
    from: leaves,
    mayImport: leaves,
    ignoring: packages,
  },
  {
    rule: 'the engine knows the leaves and nothing else of ours',
    from: /^src\/engine\//,
    mayImport: /^src\/(engine\/|(errors|ids|clock|duration)\.ts$)/,
    ignoring: packages,
  },
  {
    rule: 'the report knows the leaves and nothing else of ours',
    from: /^src\/report\//,
    mayImport: /^src\/(report\/|(events|errors|ids|clock|duration)\.ts$)/,
    ignoring: packages,
  },
  {
    rule: 'the embedded engine is a witness of its own: it shares no code with what is tested on it',
    from: /^src\/testing\//,
    mayImport: /^src\/(testing\/|clock\.ts$)/,
    ignoring: packages,
  },
  {
    rule: 'only the command line and the tests use the embedded engine',
    from: /^(src\/(?!testing\/|cli\/|demo\/)|machines\/)/,
    mayImport: /^(?!src\/testing\/)/,
  },
  {
    rule: 'only the command line imports the public face',
    from: /^(src\/(?!cli\/|demo\/)|machines\/)/,
    mayImport: /^(?!src\/index\.ts$)/,
  },
  {
    rule: 'only the public face, what makes an actor of it, and the command line import the reconciler',
    from: /^(src\/(?!cli\/|index\.ts$|reconciler-logic\.ts$)|machines\/)/,
    mayImport: /^(?!src\/reconciler\.ts$)/,
  },
  {
    rule: 'nothing imports the command line',
    from: /^(src\/(?!cli\/)|machines\/)/,
    mayImport: /^(?!src\/cli\/)/,
    alsoTypes: true,
  },
  {
    rule: 'only the engine knows dockerode',
    from: /^(src\/(?!engine\/|demo\/)|machines\/)/,
    mayImport: /^(?!docker(ode|-modem)$)/,
  },
  {
    rule: 'only the inspector knows how to serve pages and messages',
    from: /^(src\/(?!inspector\/)|machines\/)/,
    mayImport: /^(?!(ws|hono|@hono\/.+)$)/,
  },
  {
    rule: 'the inspector knows the machines and the leaves, and nothing else of ours',
    from: /^src\/inspector\/(?!page\/)/,
    mayImport: /^(src\/inspector\/(?!page\/)|src\/(errors|show)\.ts$|machines\/)/,
    ignoring: packages,
  },
  {
    rule: 'only who asks for the inspector loads it',
    from: /^(src\/(?!inspector\/|cli\/inspect\.ts$)|machines\/)/,
    mayImport: /^(?!src\/inspector\/)/,
  },
  {
    rule: 'only the report and the command line know pino',
    from: /^(src\/(?!report\/|cli\/|demo\/)|machines\/)/,
    mayImport: /^(?!pino(-.+)?$)/,
  },
]

const files = ['src', 'machines'].flatMap((top) => sourcesBelow(top))
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')))

describe('the arrows between modules run one way', () => {
  it.each(arrows.map((arrow) => [arrow.rule, arrow] as const))('%s', (_rule, arrow) => {
    expect(offences(imports, arrow)).toEqual([])
  })

  it('the judge reads no clock and no environment', () => {
    const judge = readFileSync(join(root, 'src/judge.ts'), 'utf8')
    expect(judge).not.toMatch(/\b(Date\b|performance\b|setTimeout|setInterval|process\.)/)
  })
})

describe('the reading of the imports', () => {
  it('sees the whole of src and machines, and resolves every relative import to a file that is there', () => {
    expect(files.length).toBeGreaterThanOrEqual(40)
    expect(imports.length).toBeGreaterThanOrEqual(150)
    const ours = imports.filter((found) => /^(src|machines)\//.test(found.to)).map((found) => found.to)
    expect(ours.filter((file) => !files.includes(file))).toEqual([])
  })

  it.each(arrows.map(({ rule, from }) => [rule, from] as const))(
    'speaks of files that exist: %s',
    (_rule, from) => {
      expect(files.filter((file) => from.test(file))).not.toEqual([])
    },
  )

  it('knows types from values, in every form that an import can have', () => {
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

  it('finds an offence where there is one', () => {
    const bad = importsOf('machines/x.machine.ts', "import { remove } from '../src/engine/port.ts'")
    const found = arrows.filter((arrow) => offences(bad, arrow).length > 0).map((arrow) => arrow.rule)
    expect(found).toEqual(['a machine imports xstate and the other machines only; from src at most types'])
  })
})

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
