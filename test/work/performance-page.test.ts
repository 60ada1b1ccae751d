import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/pages.ts'

test('docs/performance.md and its plots are what bench/results.json gives', () => {
  const check = () =>
    execFileSync(process.execPath, [join(root, 'bench/page.mjs'), '--check'], {
      stdio: 'pipe',
      encoding: 'utf8',
    })
  expect(check).not.toThrow()
})
