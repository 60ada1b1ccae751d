import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const top = join(import.meta.dirname, '..')
const compiled = join(top, 'node_modules/.cache/flotsam-bench')
const creationsAtOnce = 4

export const owner = { label: 'flotsam.bench', value: 'bench' }

/** A private dockerd, made as the tests make theirs; their TypeScript is compiled beside the installed packages. */
export async function startPrivateEngine() {
  execFileSync(join(top, 'node_modules/.bin/tsc'), ['-p', join(import.meta.dirname, 'tsconfig.json')], {
    stdio: 'inherit',
    timeout: 120_000,
  })
  copyFileSync(join(top, 'test/support/end-engine.sh'), join(compiled, 'end-engine.sh'))
  const { startDockerd } = await import(pathToFileURL(join(compiled, 'real-engine.js')).href)
  return startDockerd()
}

/** Starts so many owned containers that do nothing, and gives their ids. */
export async function runContainers(engine, count) {
  const ids = []
  let left = count
  const runSome = async () => {
    while (left-- > 0) ids.push(await engine.run({ labels: { [owner.label]: owner.value } }))
  }
  await Promise.all(Array.from({ length: creationsAtOnce }, runSome))
  return ids
}
