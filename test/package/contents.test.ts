import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { parseSync } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuiltCli, buildCli } from '../cli/support/built-cli.ts'
import { read, root } from '../support/pages.ts'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

const manifest = JSON.parse(read('package.json')) as Manifest

let built: BuiltCli
let dist: string
beforeAll(() => {
  built = buildCli(['--sourcemap'])
  dist = join(built.folder, 'dist')
  execFileSync(process.execPath, [join(root, 'scripts/build/declarations.mjs'), dist])
}, 120_000)
afterAll(() => built.close())

const filesOf = (ending: string) =>
  readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(dist, name))

const modules = () => filesOf('.js').map((path) => [path, readFileSync(path, 'utf8')] as const)
const declarations = () => filesOf('.d.ts').map((path) => [path, readFileSync(path, 'utf8')] as const)

/** What a module or a declaration imports, in whatever way. */
function named(path: string, text: string): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { type, source, callee, arguments: given } = value as Node
    if (type === 'CallExpression' && callee?.name === '__require') found.push(String(given?.[0]?.value))
    if (/^(Import|Export\w+)(Declaration|Expression)$|^TSImportType$/.test(type ?? '') && source)
      found.push(String(source.value))
    for (const part of Object.values(value)) visit(part)
  }
  visit(parseSync(path, text).program)
  return found
}

interface Node {
  readonly type?: string
  readonly source?: { readonly value?: unknown } | null
  readonly callee?: { readonly name?: string }
  readonly arguments?: readonly { readonly value?: unknown }[]
}

const isNodes = (name: string) => name.startsWith('node:') || builtinModules.includes(name)

/** Every file that something in the package was made of. */
const sources = () =>
  filesOf('.js.map').flatMap(
    (path) => (JSON.parse(readFileSync(path, 'utf8')) as { sources: string[] }).sources,
  )

describe('what is installed with the package', () => {
  it('is xstate alone, in a range that a copy of the host is likely to be in', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['xstate'])
    expect(manifest.dependencies['xstate']).toMatch(/^\^5\./)
  })

  it('dockerode, pino and redis are used only by programs that have them', () => {
    const optional = Object.entries(manifest.peerDependenciesMeta).filter(([, { optional }]) => optional)
    expect(optional.map(([name]) => name)).toEqual(Object.keys(manifest.peerDependencies))
    expect(Object.keys(manifest.peerDependencies)).toEqual(['dockerode', 'pino', 'redis'])
  })
})

describe('what is published', () => {
  it('imports nothing but Node, xstate and its own files, which are there', () => {
    const foreign = modules().flatMap(([path, text]) =>
      named(path, text)
        .filter((name) => (name.startsWith('.') ? !existsSync(join(dirname(path), name)) : !isNodes(name)))
        .map((name) => `${relative(dist, path)}: ${name}`),
    )
    const others = foreign.filter((one) => !one.endsWith(': xstate'))
    // debug asks for it and does without
    expect(new Set(others.map((one) => one.split(': ')[1]))).toEqual(new Set(['supports-color']))
    expect(foreign.length).toBeGreaterThan(others.length)
  })

  it('needs no types but those of Node, xstate and its own, which are there', () => {
    const foreign = declarations().flatMap(([path, text]) =>
      named(path, text).filter((name) =>
        name.startsWith('.')
          ? !existsSync(join(dirname(path), name.replace(/\.ts$/, '.d.ts')))
          : name !== 'xstate' && !isNodes(name),
      ),
    )
    expect(declarations().length).toBeGreaterThan(20)
    expect(foreign).toEqual([])
  })

  it('has no code that would need a compiler, and none that speaks ssh by itself', () => {
    const native = /\/node_modules\/(?:ssh2|cpu-features|nan|@grpc)\/|\.node$/
    expect(sources().filter((path) => native.test(path))).toEqual([])
    // the modem itself is docker-modem's
    const modem = sources().filter((path) => path.includes('/node_modules/docker-modem/'))
    expect(new Set(modem.map((path) => path.split('/').at(-1)))).toEqual(
      new Set(['http.js', 'http_duplex.js', 'modem.js', 'utils.js']),
    )
  })
})

describe('the licences of what is bundled', () => {
  const source = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/[^:]*$/
  const bundled = () => new Set(sources().flatMap((path) => source.exec(path)?.[1] ?? []))

  it('are shipped for each package that anything is of', () => {
    const licences = readFileSync(join(dist, 'licenses.md'), 'utf8')
    const stated = [...licences.matchAll(/^## (\S+) - \S+ \(\S+\)$/gm)].map(([, name]) => name as string)
    expect(bundled().size).toBeGreaterThan(20)
    expect([...bundled()].filter((name) => !stated.includes(name))).toEqual([])
  })

  it('with their texts, where the package has one', () => {
    const licences = readFileSync(join(dist, 'licenses.md'), 'utf8').replaceAll(/\s+/g, ' ')
    const without = [...bundled()].filter((name) => {
      const folder = join(root, 'node_modules', name)
      const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry))
      if (file === undefined) return false
      return !licences.includes(readFileSync(join(folder, file), 'utf8').replaceAll(/\s+/g, ' ').trim())
    })
    expect(without).toEqual([])
  })
})
