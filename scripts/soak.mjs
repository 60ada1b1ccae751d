// Compiles the library and its soak, lets containers come and go, and says what has grown; status 1 where anything has:
//   --containers N   so many in one process on a driven clock (default 1,000,000), then a day without an engine
//   --population N   so many of them at a time (default 2000)
//   --http           through real sockets of the embedded engine instead, in real time (default 20,000)
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cache = join(root, 'node_modules/.cache/soak')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'run-'))
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status ?? 1

try {
  const compiled = run(join(root, 'node_modules/.bin/tsc'), [
    '-p',
    'test/soak/tsconfig.json',
    '--noCheck',
    '--outDir',
    folder,
  ])
  process.exitCode =
    compiled || run(process.execPath, [join(folder, 'test/soak/soak.js'), ...process.argv.slice(2)])
} finally {
  rmSync(folder, { recursive: true, force: true })
}
