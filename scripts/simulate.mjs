// Compiles the library and its simulation, and lives through many worlds:
//   --seeds N [--from S]              N seeds on the library as it is, and what happened in them; a failing one is shortened and
//                                     told; from 1000 seeds on everything must have happened, and what each rule prevents is measured
//   --mutation RULE|all [--seeds N]   only that: how soon it is found that a rule is missing, and how many wrong removals it prevents
//   --seed S [--keep 1,4,7]           the story of one seed
import { spawnSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cache = join(root, 'node_modules/.cache/simulation')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'run-'))
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status ?? 1

try {
  const compiled = run(join(root, 'node_modules/.bin/tsc'), [
    '-p',
    'test/simulation/tsconfig.json',
    '--noCheck',
    '--outDir',
    join(folder, 'sound'),
  ])
  process.exitCode =
    compiled ||
    run(process.execPath, [join(folder, 'sound/test/simulation/simulate.js'), ...process.argv.slice(2)])
} finally {
  rmSync(folder, { recursive: true, force: true })
}
