import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/**
 * Compiles a folder of the tests together with the library into a temporary folder, and runs a program in it with this
 * process's arguments. Its exit code becomes this process's own. Node 20 cannot run TypeScript.
 *
 * `under` is the subfolder to compile into; `beside` are further files to copy there that are not TypeScript.
 */
export function runCompiled({ folder, program, under = '.', beside = [] }) {
  const cache = join(root, 'node_modules/.cache', folder)
  mkdirSync(cache, { recursive: true })
  const made = mkdtempSync(join(cache, 'run-'))
  const out = join(made, under)
  const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status ?? 1
  const compile = ['-p', join(folder, 'tsconfig.json'), '--noCheck', '--outDir', out]
  try {
    process.exitCode = run(join(root, 'node_modules/.bin/tsc'), compile)
    if (process.exitCode !== 0) return
    for (const file of beside) copyFileSync(join(root, file), join(out, file))
    process.exitCode = run(process.execPath, [join(out, folder, program), ...process.argv.slice(2)])
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}
