// Kills its own process before or after the given file-system operation.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [when, at] = (process.env['DIE_AT'] ?? '').split(':')
let steps = 0

function dieHere() {
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL may take effect a little later, and nothing may follow
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function watched(object, name) {
  const original = object[name]
  object[name] = async function (...args) {
    steps += 1
    const isHere = steps === Number(at)
    if (isHere && when === 'before') dieHere()
    const result = await original.apply(this, args)
    if (isHere && when === 'after') dieHere()
    return result
  }
}

const handle = await fs.open(import.meta.filename)
const { prototype } = handle.constructor
await handle.close()
for (const name of ['open', 'rename', 'rm', 'stat', 'lstat', 'realpath']) watched(fs, name)
for (const name of ['read', 'stat', 'writeFile', 'chown', 'chmod', 'sync', 'truncate', 'close']) {
  watched(prototype, name)
}
syncBuiltinESMExports()
process.on('exit', () => process.stderr.write(`steps: ${steps}\n`))
