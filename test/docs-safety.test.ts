import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mutations } from './simulation/mutations.ts'
import { bare, firstCells, read, root, rowsUnder, wordsOf } from './support/pages.ts'

const page = 'docs/safety.md'
const [from, to] = ['<!-- drawn from here -->', '<!-- to here -->']
const safetyRules = firstCells('README.md', 'What it will not do')
const livenessRules = firstCells('README.md', 'What it promises')
const rules = [...safetyRules, ...livenessRules]

/** The titles of all tests and groups, with their files. */
const titles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .toSorted()
  .flatMap((name) => {
    const text = readFileSync(join(root, 'test', name), 'utf8')
    const found = text.matchAll(
      /(?:test|it|describe|describeOnBench)(?:\.each\([^]*?\))?\(\s*(['"`])(.*?)\1/g,
    )
    return [...found].map(([, , title = '']) => ({ file: `test/${name}`, title }))
  })

/** The files with a test that is named by the rule. */
function provenIn(rule: string): readonly string[] {
  const named = titles.filter(({ title }) => title.split(':')[0]?.split(', ').includes(rule))
  return [...new Set(named.map(({ file }) => file))]
}

function drawn(): string {
  const rows = rules.map(
    (rule) =>
      `| ${rule} | ${provenIn(rule)
        .map((file) => `\`${file}\``)
        .join(', ')} |`,
  )
  return ['| rule | tests that are named by it |', '| --- | --- |', ...rows].join('\n')
}

describe('docs/safety.md', () => {
  test('lists the current tests of each rule: npm run docs:safety', async () => {
    const [before, rest = ''] = read(page).split(from)
    const after = rest.split(to)[1]
    expect(after).toBeDefined()
    await expect(`${before}${from}\n\n${drawn()}\n\n${to}${after}`).toMatchFileSnapshot(join(root, page))
  })

  test.each(rules)('%s is proved by tests in two files at least', (rule) => {
    expect(provenIn(rule).length).toBeGreaterThanOrEqual(2)
  })

  test('lists for every rule the code that enforces it, in existing files', () => {
    const rows = rowsUnder(page, 'Where each rule lives')
    expect(rows.map(([rule]) => bare(rule))).toEqual(rules)
    const paths = rows
      .flatMap(([, where]) => wordsOf(where))
      .filter((word) => /^(src|machines|test)\//.test(word))
    expect(paths.length).toBeGreaterThan(rules.length)
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('lists what every safety rule alone prevents, as the simulation names it', () => {
    const rows = rowsUnder(page, 'What each rule alone prevents')
    expect(rows.map(([rule, off]) => [rule, off])).toEqual(
      mutations.map(({ rule, without }) => [rule, without]),
    )
    expect(rows.map(([rule]) => rule)).toEqual(safetyRules)
    for (const [, , count] of rows) expect(Number(count)).toBeGreaterThanOrEqual(50)
  })

  test('names existing commands', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const commands = rowsUnder(page, 'How it is tested').flatMap(([, , command]) => wordsOf(command))
    const names = commands.map((command) => /^npm (?:run )?([\w:]+)/.exec(command)?.[1])
    expect(names.length).toBeGreaterThan(5)
    expect(names.filter((name) => name === undefined || scripts[name] === undefined)).toEqual([])
  })
})
