import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { buildSessions, holdingProgram, newFolder, programArgs, startHolder } from './support/holders.ts'
import { hasTool } from './support/tools.ts'

const hasNamespaces = hasTool('unshare', '--mount', '--net', '--pid', '--fork', 'true')

let built: Awaited<ReturnType<typeof buildSessions>>
beforeAll(async () => {
  built = await buildSessions()
})
afterAll(() => built.remove())

/** Asks for a session each time it reads a line, and prints the answer. */
const askingProgram = `
const { createInterface } = await import('node:readline')
const { socketLeases } = await import(process.argv[1])
const leases = socketLeases(process.argv[2])
for await (const id of createInterface({ input: process.stdin })) console.log(String(await leases.isHeld(id)))
`

describe.skipIf(!hasNamespaces)(
  'live-session: a directory that is bound elsewhere (needs root and unshare)',
  () => {
    it('shows the sessions of another mount, network and pid namespace, as the volume of a container', async () => {
      const directory = newFolder()
      const elsewhere = join(newFolder(), 'elsewhere')
      mkdirSync(elsewhere, { mode: 0o700 })
      const holder = await startHolder(process.execPath, programArgs(holdingProgram, built.module, directory))
      const asking = spawn(
        'unshare',
        [
          '--mount',
          '--net',
          '--pid',
          '--fork',
          '--kill-child',
          'sh',
          '-c',
          'mount --bind "$0" "$1" && shift && exec "$@"',
          directory,
          elsewhere,
          process.execPath,
          ...programArgs(askingProgram, built.module, elsewhere),
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      )
      const ended = once(asking, 'close')
      onTestFinished(async () => {
        asking.kill('SIGKILL')
        await ended
      })
      const lines = createInterface({ input: asking.stdout })[Symbol.asyncIterator]()
      const ask = async () => {
        asking.stdin.write(`${holder.id}\n`)
        return (await lines.next()).value
      }
      expect(await ask()).toBe('true')
      await holder.kill('SIGKILL')
      expect(await ask()).toBe('false')
    })
  },
)
