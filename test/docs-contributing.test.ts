import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventNames } from '../src/domain/events.ts'
import { commandOptions, options } from '../src/options/schema.ts'
import { read, root, rowsUnder, wordsOf } from './support/pages.ts'

const page = 'CONTRIBUTING.md'
const rows = rowsUnder(page, 'Usual changes')

/** Written by `npm run options`, and so not edited. */
const generated: readonly string[] = ['src/options/types.ts']

/** All that could have to be edited: neither tests nor what is generated. */
const sources = ['src', 'machines']
  .flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => `${top}/${name}`),
  )
  .filter((name) => /\.tsx?$/.test(name) && !generated.includes(name))
  .map((name) => ({ name, code: read(name).replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '') }))

/** Whether the code has that word as a string, or as the name of a property or method. */
function names(code: string, word: string): boolean {
  return new RegExp(`['\`]${word}['\`]|(?<![\\w.-])${word}\\??[:(]|[{,] ?${word}[,} ]`).test(code)
}

const withAll = (words: readonly string[]) =>
  sources.filter(({ code }) => words.every((word) => names(code, word))).map(({ name }) => name)

const quotedIn = (text: string) => [...text.matchAll(/'([\w-]+)'/g)].map(([, word]) => word as string)
const membersIn = (text: string) =>
  [...text.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name as string)

/** The text of a declaration up to the empty line, or the brace, that ends it. */
function declaration(path: string, beginning: string): string {
  const [, after] = read(path).split(beginning)
  if (after === undefined) throw new Error(`${path} has no "${beginning}"`)
  return after.split(/^\}|^\]|^$/m)[0] as string
}

const verdicts = 'src/domain/verdict.ts'
const dialect = 'src/testing/dialect.ts'
const faultKinds = [...read('src/testing/fault.ts').matchAll(/kind: '([\w-]+)'/g)].map(
  ([, kind]) => kind as string,
)

/** Everything that there is today of what the table says how to add. */
const existing: Readonly<Record<string, readonly string[]>> = {
  'a reason to spare': ['SpareReason =', 'ListingFault =', 'Objection ='].flatMap((type) =>
    quotedIn(declaration(verdicts, `export type ${type}`)),
  ),
  'a grace': quotedIn(declaration(verdicts, 'export type GraceReason =')),
  'a rule of the judge': quotedIn(declaration('src/policy/judge.ts', 'export type RuleName =')),
  'an event': eventNames,
  'a subject of `degraded`': quotedIn(declaration('src/domain/events.ts', 'export type DegradedSubject =')),
  'an option': Object.keys(options),
  'a flag that the library has no option for': Object.keys(commandOptions),
  'a quirk of an engine': membersIn(
    declaration(dialect, 'export interface Dialect extends Refusals {') +
      declaration(dialect, 'export interface Refusals {'),
  ),
  'a fault of the embedded engine': faultKinds,
}

describe('CONTRIBUTING.md, Usual changes', () => {
  test('speaks of each kind of change that can be counted', () => {
    expect(rows.map(([change]) => change)).toEqual(Object.keys(existing))
    for (const [change, words] of Object.entries(existing))
      expect(words.length, change).toBeGreaterThanOrEqual(4)
  })

  test.each(rows.map(([change = '', files]) => [change, wordsOf(files)] as const))(
    '%s: the files that have every one of them are those of the list',
    (change, files) => {
      expect(withAll(existing[change] as readonly string[]).toSorted()).toEqual(files.toSorted())
      expect(files.length).toBeLessThanOrEqual(3)
    },
  )

  test.each(
    rows
      .filter(([, , then = '']) => /^the (?:place|route)|^`commandOptions`/.test(then))
      .map(([change = '', files]) => [change, wordsOf(files)] as const),
  )('%s: each one is used in another file as well', (change, files) => {
    const others = sources.filter(({ name }) => !files.includes(name))
    const unused = (existing[change] as readonly string[]).filter(
      (word) => !others.some(({ code }) => new RegExp(`(?<![\\w-])${word}(?!-?\\w)`).test(code)),
    )
    expect(unused).toEqual([])
  })

  test('a fault of calls, and no other fault, is also carried out by the dispatcher', () => {
    const callKinds = quotedIn(declaration('src/testing/faults.ts', 'const callKinds: ReadonlySet<string> ='))
    const dispatcher = read('src/testing/dispatcher.ts')
    expect(callKinds.length).toBeGreaterThanOrEqual(4)
    expect(faultKinds.filter((kind) => dispatcher.includes(`'${kind}'`))).toEqual(callKinds)
  })

  test('names tests that there are', () => {
    const proofs = rows.flatMap(([, , , proof]) => wordsOf(proof))
    expect(proofs.length).toBe(rows.length)
    expect(proofs.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('a word is found as a string or a name, and not within another one or a comment', () => {
    const found = ["kind: 'hang'", 'hang: true', 'hang?: string', 'hang(x) {', 'const { hang } = x']
    const others = ["'hang-up'", 'hangs: 1', 'x.hang: 1', 'over-hang: 1', 'hang']
    expect(found.filter((code) => !names(code, 'hang'))).toEqual([])
    expect(others.filter((code) => names(code, 'hang'))).toEqual([])
  })
})
