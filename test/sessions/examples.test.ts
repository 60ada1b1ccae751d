import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isSessionId } from '../../src/domain/session.ts'
import { socketLeases } from '../../src/sessions/index.ts'
import { newFolder, startHolder } from './support/holders.ts'
import { hasTool } from './support/tools.ts'

const examples = join(import.meta.dirname, '../../examples/sessions')
const hasPython = hasTool('python3', '--version')
const hasBash = hasTool('bash', '--version')

describe.skipIf(!hasPython)('examples/sessions/hold.py (needs python3)', () => {
  async function python() {
    const directory = join(newFolder(), 'sessions')
    const holder = await startHolder('python3', [join(examples, 'hold.py'), directory])
    return { directory, holder, id: holder.id, leases: socketLeases(directory) }
  }

  it('holds a session until its standard input ends, and leaves no socket', async () => {
    const { directory, holder, id, leases } = await python()
    expect(isSessionId(id)).toBe(true)
    expect([await leases.isHeld(id), await leases.isHeld(id), await leases.list()]).toEqual([
      true,
      true,
      [id],
    ])
    const ended = once(holder.child, 'close')
    holder.child.stdin.end()
    expect(await ended).toEqual([0, null])
    expect(await leases.isHeld(id)).toBe(false)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions'])
  })

  it('holds a session until it is killed', async () => {
    const { holder, id, leases } = await python()
    await holder.freeze()
    expect(await leases.isHeld(id)).toBe(undefined)
    await holder.kill('SIGKILL')
    expect(await leases.isHeld(id)).toBe(false)
  })
})

describe.skipIf(!hasPython || !hasBash)('examples/sessions/agent.sh (needs bash and python3)', () => {
  const start = (directory: string, ...command: readonly string[]) =>
    startHolder('bash', [join(examples, 'agent.sh'), directory, ...command])

  it('holds a session while its command runs, which gets the id', async () => {
    const directory = newFolder()
    const leases = socketLeases(directory)
    const { child, id } = await start(directory, 'bash', '-c', 'read -r _; echo "$FLOTSAM_SESSION"')
    expect(await leases.isHeld(id)).toBe(true)
    const printed = once(child.stdout, 'data')
    child.stdin.end('\n')
    expect(await printed).toEqual([`${id}\n`])
    await expect.poll(() => leases.isHeld(id), { timeout: 60_000 }).toBe(false)
  })

  it('holds a session until it is killed, although its command lives on', async () => {
    const directory = newFolder()
    const leases = socketLeases(directory)
    const { child, id } = await start(directory, 'bash', '-c', 'read -r _; echo "$$"; exec sleep 600')
    child.stdin.write('\n')
    const [pid] = (await once(child.stdout, 'data')) as [string]
    onTestFinished(() => void process.kill(Number(pid), 'SIGKILL'))
    expect(await leases.isHeld(id)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => leases.isHeld(id), { timeout: 60_000 }).toBe(false)
    expect(process.kill(Number(pid), 0)).toBe(true)
  })
})
