import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const tsc = (...args: readonly string[]) =>
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false', ...args],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: 'pipe',
    },
  )

const snippet = `
import { createReconciler, eventNames, type EventOf } from 'flotsam'
import { createTestClock } from 'flotsam/testing'
const options = { owner: { label: 'a', value: 'b' }, tracked: new Set<string>() }
const reconciler = createReconciler(options, { clock: createTestClock() })
reconciler.on('*', (event) => event.type === 'lost' && event.how)
export const names: readonly string[] = eventNames
export type Both = EventOf<'lost' | 'removed'>
export const stopped: Promise<void> = reconciler.stop()
// @ts-expect-error: declarations that are not found would let this pass
export const wrong: number = reconciler.status().state
`

test('the declarations compile for a program that has neither esnext.disposable nor the types of Node', () => {
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, 'node_modules/.cache/flotsam-declarations-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  tsc(
    '-p',
    'tsconfig.build.json',
    '--outDir',
    folder,
    '--emitDeclarationOnly',
    '--declarationMap',
    'false',
    '--sourceMap',
    'false',
  )
  writeFileSync(join(folder, 'snippet.mts'), snippet)
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    paths: { flotsam: ['./src/index.d.ts'], 'flotsam/testing': ['./src/testing/index.d.ts'] },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['snippet.mts'] }))
  expect(complaintsOf(() => tsc('-p', folder))).toBe('')
}, 60_000)

function complaintsOf(compile: () => string): string {
  try {
    return compile()
  } catch (error) {
    const { stdout } = error as { readonly stdout?: string }
    return stdout || String(error)
  }
}
