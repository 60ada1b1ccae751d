import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { ArgumentError, OptionError, SessionError, socketLeases } from '../../src/sessions/index.ts'
import { SocketLeases } from '../../src/sessions/socket-leases.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { newFolder, randomId } from './support/holders.ts'

const isRoot = process.getuid?.() === 0

/** A directory in which a session was held once. */
async function usedDirectory() {
  const directory = join(newFolder(), 'sessions')
  const leases = socketLeases(directory)
  const lease = await leases.hold(randomId())
  await lease.release()
  return { directory, leases }
}

/** A server with that id for a name, which answers in its own way. */
async function listenAs(path: string, answer: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    answer(socket)
  })
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}

describe('live-session: a lease that is a socket', () => {
  it('is held until it is released, and leaves no file behind', async () => {
    const { directory, leases } = await usedDirectory()
    const id = randomId()
    const lease = await leases.hold(id)
    expect(await leases.isHeld(id)).toBe(true)
    expect(await socketLeases(directory).isHeld(id)).toBe(true)
    await Promise.all([lease.release(), lease.release()])
    expect(await leases.isHeld(id)).toBe(false)
    expect(lease.lost?.aborted).toBe(false)
    expect(readdirSync(directory)).toEqual(['.flotsam-sessions'])
  })

  it('has a private directory, which is created', async () => {
    const { directory } = await usedDirectory()
    expect(statSync(directory).mode & 0o7777).toBe(0o700)
  })

  it('cannot be held twice', async () => {
    const { directory, leases } = await usedDirectory()
    const id = randomId()
    const lease = await leases.hold(id)
    await expect(socketLeases(directory).hold(id)).rejects.toThrow(`session ${id} is held already`)
    expect(await leases.isHeld(id)).toBe(true)
    await lease.release()
    await (await socketLeases(directory).hold(id)).release()
  })

  it.each(['', 'agent', '../escape', randomId().toUpperCase(), `${randomId()}0`, `${randomId()}\n`])(
    'has no id like %j',
    async (id) => {
      const { leases } = await usedDirectory()
      await expect(leases.hold(id)).rejects.toThrow(ArgumentError)
      await expect(leases.isHeld(id)).rejects.toThrow(ArgumentError)
    },
  )

  it('is listed, and other names are not', async () => {
    const { directory, leases } = await usedDirectory()
    const ids = [randomId(), randomId(), randomId()]
    const held = await Promise.all(ids.map((id) => leases.hold(id)))
    await listenAs(join(directory, 'agent'), (socket) => socket.end('agent\n'))
    await listenAs(join(directory, randomId()), (socket) => socket.end('another\n'))
    expect(await leases.list()).toEqual(ids.toSorted())
    await Promise.all(held.map((lease) => lease.release()))
    expect(await leases.list()).toEqual([])
  })
})

describe('unknown-is-spared: what is found under the name of a session', () => {
  const id = randomId()
  const answers: readonly (readonly [string, (socket: Socket) => void, boolean | undefined])[] = [
    ['its id', (socket) => socket.end(`${id}\n`), true],
    ['its id, byte by byte', (socket) => void writeSlowly(socket, `${id}\n`), true],
    ['its id without a newline', (socket) => socket.end(id), undefined],
    ['another id', (socket) => socket.end(`${randomId()}\n`), undefined],
    ['nothing', (socket) => socket.end(), undefined],
    ['a closed connection', (socket) => socket.destroy(), undefined],
    ['a web page', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), undefined],
    ['bytes without end', (socket) => writeForever(socket), undefined],
  ]
  it.each(answers)('an answer of %s', async (_name, answer, expected) => {
    const { directory } = await usedDirectory()
    await listenAs(join(directory, id), answer)
    // on a clock that stands still: no deadline is waited for
    expect(await new SocketLeases(directory, createFakeClock()).isHeld(id)).toBe(expected)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => {}],
    ['stops within its id', (socket) => socket.write(id.slice(0, 20))],
  ])('a process that %s is unknown after 2 s, and not before', async (_name, answer) => {
    const { directory } = await usedDirectory()
    const clock = createFakeClock()
    const leases = new SocketLeases(directory, clock)
    const server = await listenAs(join(directory, id), answer)
    let answered: unknown = 'not yet'
    const asking = leases.isHeld(id).then((held) => (answered = held))
    const [socket] = (await once(server, 'connection')) as [Socket]
    await clock.advance(1_999)
    expect(answered).toBe('not yet')
    await clock.advance(1)
    expect(await asking).toBe(undefined)
    // the connection is closed as well
    await once(socket.resume(), 'close')
    expect(clock.pendingTimers).toBe(0)
  })

  it.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, id)],
    ['a folder', (path) => mkdirSync(path)],
    ['a symbolic link to nothing', (path) => symlinkSync('/nonexistent', path)],
  ])('%s proves nothing', async (_name, make) => {
    const { directory, leases } = await usedDirectory()
    make(join(directory, id))
    expect(await leases.isHeld(id)).toBe(undefined)
    expect(await leases.list()).toEqual([])
    expect(readdirSync(directory)).toContain(id)
    await expect(leases.hold(id)).rejects.toThrow('it is unknown whether a process listens on it')
  })

  it('no socket proves nothing in a directory in which no session was held', async () => {
    const folder = newFolder()
    const leases = socketLeases(folder)
    expect(await leases.isHeld(id)).toBe(undefined)
    const lease = await leases.hold(randomId())
    expect(await leases.isHeld(id)).toBe(false)
    await lease.release()
    expect(await leases.isHeld(id)).toBe(false)
  })
})

describe('unknown-is-spared: a directory', () => {
  it('that does not exist proves nothing, and is not created by questions', async () => {
    const directory = join(newFolder(), 'sessions')
    const leases = socketLeases(directory)
    expect(await leases.isHeld(randomId())).toBe(undefined)
    await expect(leases.list()).rejects.toThrow(SessionError)
    expect(readdirSync(join(directory, '..'))).toEqual([])
  })

  it('that was moved away proves nothing until it is back', async () => {
    const { directory, leases } = await usedDirectory()
    const id = randomId()
    const lease = await leases.hold(id)
    renameSync(directory, `${directory}.old`)
    expect(await leases.isHeld(id)).toBe(undefined)
    await expect(leases.list()).rejects.toThrow(`${directory} is gone`)
    renameSync(`${directory}.old`, directory)
    expect([await leases.isHeld(id), await leases.isHeld(randomId())]).toEqual([true, false])
    await lease.release()
  })

  it('that was replaced proves nothing for 30 s, in which holders make their sockets again', async () => {
    const { directory } = await usedDirectory()
    const clock = createFakeClock()
    const leases = new SocketLeases(directory, clock)
    const id = randomId()
    expect(await leases.isHeld(id)).toBe(false)
    cpSync(directory, `${directory}.copy`, { recursive: true })
    chmodSync(`${directory}.copy`, 0o700)
    renameSync(directory, `${directory}.old`)
    renameSync(`${directory}.copy`, directory)
    expect(await leases.isHeld(id)).toBe(undefined)
    await clock.advance(29_999)
    expect(await leases.isHeld(id)).toBe(undefined)
    await clock.advance(1)
    expect(await leases.isHeld(id)).toBe(false)
  })

  it('whose mark was replaced proves nothing for 30 s, since its sockets were deleted as well', async () => {
    const { directory } = await usedDirectory()
    const clock = createFakeClock()
    const leases = new SocketLeases(directory, clock)
    const [id, mark] = [randomId(), join(directory, '.flotsam-sessions')]
    expect(await leases.isHeld(id)).toBe(false)
    rmSync(mark)
    expect(await leases.isHeld(id)).toBe(undefined)
    writeFileSync(mark, '')
    expect(await leases.isHeld(id)).toBe(undefined)
    await clock.advance(30_000)
    expect(await leases.isHeld(id)).toBe(false)
  })

  const user = process.getuid?.() ?? 0
  const refusals: readonly (readonly [string, (path: string) => void, string])[] = [
    ['others may write to', (path) => chmodSync(path, 0o777), 'mode 0777'],
    ['the group may write to', (path) => chmodSync(path, 0o770), 'mode 0770'],
    ['is sticky and open', (path) => chmodSync(path, 0o1777), 'mode 1777'],
    ['is a file', (path) => (rmSync(path, { recursive: true }), writeFileSync(path, '')), 'not a directory'],
    [
      'is a symbolic link',
      (path) => (renameSync(path, `${path}.real`), symlinkSync(`${path}.real`, path)),
      'a symbolic link',
    ],
    ...(isRoot
      ? [
          [
            'belongs to another user',
            (path: string) => chownSync(path, user + 7, 0),
            'owned by user 7',
          ] as const,
        ]
      : []),
  ]
  it.each(refusals)('that %s is refused', async (_name, change, found) => {
    const { directory, leases } = await usedDirectory()
    const id = randomId()
    change(directory)
    for (const refused of [() => leases.hold(id), () => leases.isHeld(id), () => leases.list()]) {
      const error = await refused().then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(error).toBeInstanceOf(OptionError)
      const { message } = error as OptionError
      expect(message).toContain(`directory of sessions: ${directory} (${found}) is not allowed; `)
    }
  })

  it('may be readable by others', async () => {
    const { directory, leases } = await usedDirectory()
    chmodSync(directory, 0o755)
    expect(await leases.isHeld(randomId())).toBe(false)
  })

  it('whose path is too long is refused, with the limit', async () => {
    const longest = process.platform === 'linux' ? 74 : 70
    const folder = newFolder()
    const fits = join(folder, 'x'.repeat(longest - folder.length - 1))
    const id = randomId()
    const leases = socketLeases(fits)
    const lease = await leases.hold(id)
    expect([await leases.isHeld(id), await leases.list()]).toEqual([true, [id]])
    await lease.release()
    expect(() => socketLeases(`${fits}x`)).toThrow(
      `directory of sessions: ${fits}x (${longest + 1} bytes) is not allowed; it may have at most ${longest} bytes`,
    )
    expect(() => socketLeases(`${fits.slice(0, -1)}ü`)).toThrow(`(${longest + 1} bytes)`)
  })

  it.each(['', 'a\0b', 7, null])('cannot be %j', (directory) => {
    expect(() => socketLeases(directory as never)).toThrow(OptionError)
  })
})

describe('without a directory of their own', () => {
  /** As on a machine with a directory of the user's session and one in the temporary folder. */
  function severalIn(folder: string, preferred: readonly string[]) {
    const paths = preferred.map((name) => join(folder, name, 'flotsam'))
    return new SocketLeases(join(folder, 'flotsam-0'), systemClock, paths)
  }

  it('a session is held in the one that all have in common, and in the first other one whose parent exists', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'run'))
    mkdirSync(join(folder, 'tmp'))
    const leases = severalIn(folder, ['user', 'run', 'tmp'])
    const id = randomId()
    const lease = await leases.hold(id)
    expect(readdirSync(folder)).toEqual(['flotsam-0', 'run', 'tmp'])
    expect(existsSync(join(folder, 'run', 'flotsam', id))).toBe(true)
    expect(existsSync(join(folder, 'flotsam-0', id))).toBe(true)
    expect(readdirSync(join(folder, 'tmp'))).toEqual([])
    expect(await leases.list()).toEqual([id])
    await lease.release()
    expect(existsSync(join(folder, 'run', 'flotsam', id))).toBe(false)
    expect(await leases.isHeld(id)).toBe(false)
  })

  it('sessions are held in the temporary folder if there is no other', async () => {
    const folder = newFolder()
    const lease = await severalIn(folder, ['user', 'run']).hold(randomId())
    expect(readdirSync(folder)).toEqual(['flotsam-0'])
    await lease.release()
  })

  it.each<[string, string[], string[]]>([
    ['with XDG_RUNTIME_DIR finds one of a process without', [], ['user']],
    ['without XDG_RUNTIME_DIR finds one of a process with', ['user'], []],
  ])('live-session: a process %s', async (_, ofHolder, ofOther) => {
    const folder = newFolder()
    mkdirSync(join(folder, 'user'))
    const id = randomId()
    const lease = await severalIn(folder, ofHolder).hold(id)
    const others = severalIn(folder, ofOther)
    const own = await others.hold(randomId())
    expect(await others.isHeld(id)).toBe(true)
    await lease.release()
    expect(await others.isHeld(id)).toBe(false)
    await own.release()
  })

  it('live-session: a session is found where another environment of the same user put it', async () => {
    const folder = newFolder()
    const service = severalIn(folder, [])
    const id = randomId()
    const lease = await service.hold(id)
    mkdirSync(join(folder, 'user'))
    const shell = severalIn(folder, ['user'])
    const own = await shell.hold(randomId())
    expect(readdirSync(join(folder, 'user'))).toEqual(['flotsam'])
    expect([await shell.isHeld(id), await shell.isHeld(randomId())]).toEqual([true, false])
    expect(await shell.list()).toContain(id)
    await Promise.all([lease.release(), own.release()])
  })

  it('unknown-is-spared: a session is unknown where a directory is open to others', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'user'))
    const leases = severalIn(folder, ['user'])
    await (await leases.hold(randomId())).release()
    await (await severalIn(folder, []).hold(randomId())).release()
    chmodSync(join(folder, 'flotsam-0'), 0o777)
    await expect(leases.isHeld(randomId())).rejects.toThrow('mode 0777')
  })

  it.skipIf(!isRoot)('of the others, one of another user is ignored; the common one is refused', async () => {
    const folder = newFolder()
    const leases = severalIn(folder, ['user'])
    const lease = await leases.hold(randomId())
    mkdirSync(join(folder, 'user', 'flotsam'), { recursive: true })
    chownSync(join(folder, 'user', 'flotsam'), 7, 7)
    expect(await leases.isHeld(randomId())).toBe(false)
    await lease.release()
    chownSync(join(folder, 'flotsam-0'), 7, 7)
    await expect(leases.isHeld(randomId())).rejects.toThrow('owned by user 7')
  })
})

async function writeSlowly(socket: Socket, text: string): Promise<void> {
  for (const byte of text) {
    await new Promise((resolve) => socket.write(byte, resolve))
    await systemClock.breathe()
  }
  socket.end()
}

function writeForever(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'x'))) {
      // until it must wait
    }
    socket.once('drain', more)
  }
  more()
}
