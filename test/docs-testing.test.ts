import { spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformWithOxc } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BuiltCli, buildCli } from './cli/support/built-cli.ts'
import { blocks } from './support/pages.ts'

const tests = blocks('docs/guide.md', 'ts').filter((code) => code.includes("from 'node:test'"))

// the folder is a package of that name, so that the snippets import what users install
let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
  // an agent has its own client of the engine
  const client = join(import.meta.dirname, '../node_modules/dockerode')
  symlinkSync(client, join(cli.folder, 'node_modules/dockerode'))
}, 60_000)
afterAll(() => cli.close())

test.each(tests.map((code) => [/test\('(.+)', /.exec(code)?.[1], code] as const))(
  'the test that docs/guide.md shows passes: %s',
  async (name, code) => {
    const file = join(cli.folder, `guide-${tests.indexOf(code)}.test.mjs`)
    writeFileSync(file, (await transformWithOxc(code, 'guide.ts')).code)
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
    const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
      encoding: 'utf8',
      env,
    })
    expect(stdout).toContain(`ok 1 - ${name}`)
    expect(stdout).toContain('# pass 1')
    expect(status).toBe(0)
  },
  60_000,
)

test('docs/guide.md shows a test against the machine’s clock, and one whose clock is driven', () => {
  expect(tests.map((code) => code.includes('createTestClock'))).toEqual([false, true])
})
