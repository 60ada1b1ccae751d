import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openSession, socketLeases } from '../../src/sessions/index.ts'
import {
  buildSessions,
  countDescriptors,
  holdingProgram,
  newFolder,
  programArgs,
  randomId,
  startHolder,
} from './support/holders.ts'

let built: Awaited<ReturnType<typeof buildSessions>>
beforeAll(async () => {
  built = await buildSessions()
})
afterAll(() => built.remove())

const run = promisify(execFile)
const start = (program: string, ...args: readonly string[]) =>
  startHolder(process.execPath, programArgs(program, built.module, ...args))

/** A process with an open session, and a directory of sessions. */
async function running(program = holdingProgram) {
  const directory = newFolder()
  const leases = socketLeases(directory)
  const holder = await start(program, directory)
  return { directory, leases, holder, id: holder.id }
}

describe('live-session: a process', () => {
  it('that is killed has ended its session at once', async () => {
    const { directory, leases, holder, id } = await running()
    expect([await leases.isHeld(id), await leases.list()]).toEqual([true, [id]])
    await holder.kill('SIGKILL')
    expect(await leases.isHeld(id)).toBe(false)
    expect(await leases.list()).toEqual([])
    expect(await leases.isHeld(id)).toBe(false)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions'])
  })

  it('that is killed ends its session although a child of it lives on', async () => {
    const { leases, holder, id } = await running(`
      const { spawn } = await import('node:child_process')
      const { openSession, socketLeases } = await import(process.argv[1])
      const session = await openSession({ leases: socketLeases(process.argv[2]) })
      const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
      console.log(session.id + ' ' + child.pid)
      process.stdin.resume()
    `).then(({ id: line, ...others }) => {
      const [id = '', pid] = line.split(' ')
      onTestFinished(() => void process.kill(Number(pid), 'SIGKILL'))
      return { ...others, id }
    })
    expect(await leases.isHeld(id)).toBe(true)
    await holder.kill('SIGKILL')
    expect(await leases.isHeld(id)).toBe(false)
  })

  it('that is stopped has an unknown session, and holds it again when it is continued', async () => {
    const { leases, holder, id } = await running()
    await holder.freeze()
    expect(await leases.isHeld(id)).toBe(undefined)
    expect(await leases.list()).toEqual([])
    holder.child.kill('SIGCONT')
    expect(await leases.isHeld(id)).toBe(true)
    await holder.kill('SIGKILL')
    expect(await leases.isHeld(id)).toBe(false)
  })

  it('whose queue of connections is full has an unknown session', async () => {
    const directory = newFolder()
    const id = randomId()
    const program = `
      const server = (await import('node:net')).createServer(() => {})
      server.listen({ path: process.argv[2], backlog: 1 }, () => console.log('listening'))
    `
    const path = join(directory, id)
    const holder = await start(program, path)
    await holder.freeze()
    const sockets: Socket[] = []
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
    const isAccepted = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(path, () => resolve(true)).on('error', () => resolve(false))
        sockets.push(socket)
      })
    while (await isAccepted()) expect(sockets.length).toBeLessThan(100)
    expect(await socketLeases(directory).isHeld(id)).toBe(undefined)
  })

  it('is not kept alive by an open session, and leaves one that has ended', async () => {
    const { leases, holder, id } = await running(holdingProgram.replace(/process\.stdin.*/, ''))
    expect(await holder.kill('SIGCONT')).toBe(0)
    expect(await leases.isHeld(id)).toBe(false)
  })

  it('in a cluster holds its session itself', async () => {
    const directory = newFolder()
    const program = join(newFolder(), 'cluster.mjs')
    writeFileSync(
      program,
      `import cluster from 'node:cluster'
      const { openSession, socketLeases } = await import(process.argv[2])
      if (cluster.isPrimary) {
        const worker = cluster.fork()
        worker.once('message', (id) => console.log(id))
        process.stdin.resume().once('data', () => worker.process.kill('SIGKILL'))
        worker.once('exit', () => process.stdout.write('exit'))
      } else {
        const session = await openSession({ leases: socketLeases(process.argv[3]) })
        process.send(session.id)
      }`,
    )
    const holder = await startHolder(process.execPath, [program, built.module, directory])
    const leases = socketLeases(directory)
    await holder.freeze()
    expect(await leases.isHeld(holder.id)).toBe(true)
    holder.child.kill('SIGCONT')
    const exited = once(holder.child.stdout.resume(), 'data')
    holder.child.stdin.write('kill')
    await exited
    expect(await leases.isHeld(holder.id)).toBe(false)
  })
})

describe('unknown-is-spared: a process without descriptors', () => {
  it('does not know which sessions are held', async () => {
    const directory = newFolder()
    const session = await openSession({ leases: socketLeases(directory) })
    const program = `
      const { openSync } = await import('node:fs')
      const { socketLeases } = await import(process.argv[1])
      const leases = socketLeases(process.argv[2])
      const ids = process.argv.slice(3)
      const before = await leases.isHeld(ids[0])
      try { for (;;) openSync('/dev/null') } catch (error) { if (error.code !== 'EMFILE') throw error }
      const listing = await leases.list().then(String, (error) => error.code)
      const answers = []
      for (const id of ids) answers.push(String(await leases.isHeld(id)))
      process.stdout.write([before, ...answers, listing].join(' '))
    `
    const gone = await start(holdingProgram, directory)
    await gone.kill('SIGKILL')
    const words = programArgs(program, built.module, directory, session.id, gone.id)
    const { stdout } = await run('bash', ['-c', 'ulimit -n 256; exec "$0" "$@"', process.execPath, ...words])
    expect(stdout).toBe('true undefined undefined EMFILE')
    await session.close()
  })
})

describe('flat: sessions that come and go', () => {
  it.skipIf(process.platform !== 'linux')('leave no descriptor and no file behind', async () => {
    const directory = newFolder()
    const leases = socketLeases(directory)
    const comeAndGo = async (count: number) => {
      const sessions = await Promise.all(Array.from({ length: count }, () => openSession({ leases })))
      expect(await leases.list()).toHaveLength(count)
      await Promise.all(sessions.map((session) => session.close()))
      expect(await leases.list()).toEqual([])
    }
    await comeAndGo(10)
    const before = countDescriptors()
    await comeAndGo(200)
    await leases.list()
    expect(countDescriptors()).toBeLessThanOrEqual(before)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions'])
  })
})
