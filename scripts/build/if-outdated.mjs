/** Builds `dist`, unless it is newer than everything that it is made of, as right after `npm ci`. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const sources = [
  'src',
  'machines',
  'scripts/build',
  'package.json',
  'package-lock.json',
  'tsconfig.build.json',
]
/** What a build writes last. */
const lastBuilt = join(root, 'dist/src/inspector/page/index.html')

/** A folder is changed when a file in it is added, renamed or deleted. */
function newestMs(path) {
  const own = statSync(path)
  const inside = own.isDirectory() ? readdirSync(path).map((name) => newestMs(join(path, name))) : []
  return Math.max(own.mtimeMs, ...inside)
}

function isCurrent() {
  if (!existsSync(lastBuilt)) return false
  const builtMs = statSync(lastBuilt).mtimeMs
  return sources.every((source) => newestMs(join(root, source)) < builtMs)
}

if (!isCurrent())
  process.exitCode = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' }).status ?? 1
