import { once } from 'node:events'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SessionError } from '../../src/sessions/index.ts'
import { LeaseDirectory } from '../../src/sessions/lease-directory.ts'
import { SocketLease } from '../../src/sessions/socket-lease.ts'
import { SocketLeases } from '../../src/sessions/socket-leases.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { countDescriptors, newFolder, randomId } from './support/holders.ts'

async function holding() {
  const clock = createFakeClock()
  const directory = join(newFolder(), 'sessions')
  const leases = new SocketLeases(directory, clock)
  const id = randomId()
  const lease = await leases.hold(id)
  onTestFinished(() => lease.release())
  return { clock, directory, leases, id, lease, path: join(directory, id) }
}

/** Calls a function whenever a path in it is asked for. */
class ObservedDirectory extends LeaseDirectory {
  onName: ((name: string) => void) | undefined
  override pathOf(name: string): string {
    this.onName?.(name)
    return super.pathOf(name)
  }
}

/** The socket of a dead process. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}.x`)
  await once(server, 'listening')
  renameSync(`${path}.x`, path)
  server.close()
  await once(server, 'close')
}

describe('live-session: a socket that was deleted', () => {
  it('is made again within 5 s, and the lease is not lost', async () => {
    const { clock, leases, id, lease, path } = await holding()
    rmSync(path)
    await clock.advance(4_999)
    expect(await leases.isHeld(id)).toBe(false)
    await clock.advance(1)
    expect(await leases.isHeld(id)).toBe(true)
    rmSync(path)
    await clock.advance(5_000)
    expect(await leases.isHeld(id)).toBe(true)
    expect(lease.lost?.aborted).toBe(false)
  })

  it.skipIf(process.platform !== 'linux')('is made again without leaving a descriptor open', async () => {
    const { clock, leases, id, path } = await holding()
    const before = countDescriptors()
    for (let time = 0; time < 5; time += 1) {
      rmSync(path)
      await clock.advance(5_000)
      expect(await leases.isHeld(id)).toBe(true)
    }
    expect(countDescriptors()).toBeLessThanOrEqual(before)
  })

  it('is made again with its directory, and with the mark of the directory', async () => {
    const { clock, directory, id, lease } = await holding()
    rmSync(directory, { recursive: true })
    await clock.advance(5_000)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions', id])
    rmSync(join(directory, '.flotsam-sessions'))
    await clock.advance(5_000)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions', id])
    expect(lease.lost?.aborted).toBe(false)
  })

  it('is made again in the place of one that a dead process left', async () => {
    const { clock, leases, id, lease, path } = await holding()
    rmSync(path)
    await leaveSocket(path)
    await clock.advance(5_000)
    expect(await leases.isHeld(id)).toBe(true)
    expect(lease.lost?.aborted).toBe(false)
  })

  it('while the process was stopped for long is made again, and the lease is lost', async () => {
    const { clock, leases, id, lease, path } = await holding()
    rmSync(path)
    await clock.stall(15_001)
    expect(lease.lost?.aborted).toBe(true)
    expect(lease.lost?.reason).toBeInstanceOf(SessionError)
    expect(String(lease.lost?.reason)).toContain(`the socket of session ${id} was not there for up to 15 s`)
    expect(await leases.isHeld(id)).toBe(true)
  })

  it('and cannot be made again for more than 15 s loses the lease, and is still made when that is possible', async () => {
    const { clock, directory, leases, id, lease } = await holding()
    renameSync(directory, `${directory}.old`)
    writeFileSync(directory, '')
    await clock.advance(15_000)
    expect(lease.lost?.aborted).toBe(false)
    await clock.advance(5_000)
    expect(lease.lost?.aborted).toBe(true)
    expect(String(lease.lost?.reason)).toContain('(not a directory) is not allowed')
    rmSync(directory)
    await clock.advance(5_000)
    await clock.advance(30_000)
    expect(await leases.isHeld(id)).toBe(true)
  })

  it('and replaced by that of another process loses the lease, and the other one is left alone', async () => {
    const { clock, leases, id, lease, path } = await holding()
    rmSync(path)
    const other = await new SocketLeases(join(path, '..'), clock).hold(id)
    await clock.advance(20_000)
    expect(lease.lost?.aborted).toBe(true)
    expect(String(lease.lost?.reason)).toContain('is held already')
    await lease.release()
    expect(await leases.isHeld(id)).toBe(true)
    await other.release()
  })
})

describe('live-session: a socket that is there', () => {
  it('keeps the lease, however long its process was stopped', async () => {
    const { clock, leases, id, lease } = await holding()
    await clock.stall(86_400_000)
    expect(lease.lost?.aborted).toBe(false)
    expect(await leases.isHeld(id)).toBe(true)
  })

  it('is released once and for all, also while it is made again', async () => {
    const clock = createFakeClock()
    const directory = new ObservedDirectory(join(newFolder(), 'sessions'), clock)
    await directory.make()
    const id = randomId()
    const lease = await SocketLease.take(directory, id, clock)
    rmSync(join(directory.path, id))
    let released: Promise<void> | undefined
    directory.onName = (name) => {
      if (name.startsWith('new-')) released = lease.release()
    }
    await clock.advance(5_000)
    expect(released).toBeDefined()
    await released
    await clock.advance(60_000)
    expect(readdirSync(directory.path)).toEqual(['.flotsam-sessions'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('is made again if it was deleted before it had its name', async () => {
    const clock = createFakeClock()
    const directory = new ObservedDirectory(join(newFolder(), 'sessions'), clock)
    await directory.make()
    const deleted: string[] = []
    // as a list of sessions that sees the socket before it listens
    directory.onName = (name) => {
      const temporary = readdirSync(directory.path).find((other) => other.startsWith('new-'))
      if (name !== id || temporary === undefined || deleted.length > 0) return
      rmSync(join(directory.path, temporary))
      deleted.push(temporary)
    }
    const id = randomId()
    const lease = await SocketLease.take(directory, id, clock)
    expect(deleted).toHaveLength(1)
    expect(readdirSync(directory.path)).toEqual(['.flotsam-sessions', id])
    await lease.release()
  })
})

describe('eventually-removed: what dead processes left', () => {
  it('is deleted by a list, and says until then and afterwards that the session has ended', async () => {
    const { directory, leases, id } = await holding()
    const [gone, halfMade] = [randomId(), `new-${randomId().slice(4)}`]
    await leaveSocket(join(directory, gone))
    await leaveSocket(join(directory, halfMade))
    expect(await leases.isHeld(gone)).toBe(false)
    expect(readdirSync(directory)).toContain(gone)
    expect(await leases.list()).toEqual([id])
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions', id])
    expect(await leases.isHeld(gone)).toBe(false)
  })

  it('is deleted in a directory that no session of ours was held in, which then has a mark', async () => {
    const directory = newFolder()
    const leases = new SocketLeases(directory, createFakeClock())
    const gone = randomId()
    await leaveSocket(join(directory, gone))
    expect(await leases.list()).toEqual([])
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions'])
    expect(await leases.isHeld(gone)).toBe(false)
  })

  it('is no other file', async () => {
    const { directory, leases, id } = await holding()
    const others = [randomId(), `new-${randomId().slice(4)}`]
    writeFileSync(join(directory, others[0] as string), '')
    mkdirSync(join(directory, others[1] as string))
    await leaveSocket(join(directory, 'agent.sock'))
    expect(await leases.list()).toEqual([id])
    expect(readdirSync(directory).toSorted()).toEqual(
      ['.flotsam-sessions', 'agent.sock', id, ...others].toSorted(),
    )
  })
})
