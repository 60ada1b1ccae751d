import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import * as redis6 from 'redis'
import * as redis4 from 'redis4'
import * as redis5 from 'redis5'
import { describe, expect, type TestContext, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { RedisLeaseStore } from '../../src/sessions/redis-leases.ts'
import type { RedisClient } from '../../src/sessions/redis-options.ts'
import { PrivateServer } from './support/private-server.ts'
import { findStore } from './support/store-availability.ts'

const program = findStore('redis-server', 'FLOTSAM_REQUIRE_REDIS', 'redis-server')

// A real server keeps real time. This is as short as a busy machine allows.
const ttlMs = 3000
const absenceMs = (ttlMs * 4) / 3
const id = '0123456789abcdef0123456789abcdef'
const key = `leases:${id}`

interface OpenClient extends RedisClient {
  command(...args: string[]): Promise<unknown>
  destroy(): void
}

type Finish = TestContext['onTestFinished']

/** Clients of each major version, as a user connects them. */
const majors = {
  redis4: async (url: string, finish: Finish) => {
    const client = redis4.createClient({ url })
    await client.on('error', () => {}).connect()
    return open(finish, client, client.sendCommand.bind(client), () => client.disconnect())
  },
  redis5: async (url: string, finish: Finish) => {
    const client = redis5.createClient({ url })
    await client.on('error', () => {}).connect()
    return open(finish, client, client.sendCommand.bind(client), () => client.destroy())
  },
  redis6: async (url: string, finish: Finish) => {
    const client = redis6.createClient({ url })
    await client.on('error', () => {}).connect()
    return open(finish, client, client.sendCommand.bind(client), () => client.destroy())
  },
}
type Major = keyof typeof majors

function open(
  finish: Finish,
  client: RedisClient & { readonly isOpen: boolean },
  send: (args: string[]) => Promise<unknown>,
  end: () => unknown,
): OpenClient {
  const destroy = () => {
    // a client that is closed throws, or rejects
    if (client.isOpen) void Promise.resolve(end()).catch(() => {})
  }
  finish(destroy)
  return {
    eval: (script, options) => client.eval(script, options),
    command: (...args) => send(args),
    destroy,
  }
}

async function startRedis(
  finish: Finish,
  more: Readonly<Record<string, string>> = {},
): Promise<PrivateServer> {
  const server = await PrivateServer.start(program ?? '', (port, dir) => {
    return { port: String(port), bind: '127.0.0.1', dir, save: '', ...more }
  })
  finish(() => server[Symbol.asyncDispose]())
  return server
}

/** An address that leads to one server, and after a failover to another one. */
async function startAddress(finish: Finish, first: number) {
  let target = first
  const sockets = new Set<Socket>()
  const address = createServer((inward) => {
    const outward = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(address, 'listening')
  const leadTo = (port: number) => {
    target = port
    for (const socket of sockets) socket.destroy()
  }
  finish(() => {
    leadTo(0)
    address.close()
  })
  return { url: `redis://127.0.0.1:${(address.address() as AddressInfo).port}`, leadTo }
}

async function createStores(finish: Finish, url: string, major: Major = 'redis6') {
  const [holderClient, judgeClient] = await Promise.all([
    majors[major](url, finish),
    majors[major](url, finish),
  ])
  const settings = { prefix: 'leases:', ttlMs }
  return {
    holderClient,
    judgeClient,
    holders: new RedisLeaseStore(holderClient, settings, systemClock),
    judges: new RedisLeaseStore(judgeClient, settings, systemClock),
  }
}

type Answers = (boolean | undefined | 'rejected')[]

/** Asks until it is answered with this, and returns all answers. */
async function answersUntil(judges: RedisLeaseStore, last: boolean, answers: Answers = []): Promise<Answers> {
  while (answers.at(-1) !== last) {
    answers.push(await judges.isHeld(id).catch(() => 'rejected' as const))
    await pause(50)
  }
  return answers
}

describe.skipIf(program === undefined).concurrent('leases in a real Redis', () => {
  test.for(Object.keys(majors) as Major[])(
    'are kept by a client of %s',
    async (major, { onTestFinished }) => {
      const server = await startRedis(onTestFinished)
      const { holders, judges, judgeClient } = await createStores(
        onTestFinished,
        `redis://127.0.0.1:${server.port}`,
        major,
      )
      const lease = await holders.hold(id)
      expect(await judges.isHeld(id)).toBe(true)
      expect(Number(await judgeClient.command('PTTL', key))).toBeGreaterThan(0)
      await expect(judges.hold(id)).rejects.toThrow('is held already')
      await judgeClient.command('MSET', ...Array.from({ length: 3000 }, (_, n) => [`leases:${n}`, '']).flat())
      expect(await judges.list()).toEqual([id])
      await judgeClient.command('PERSIST', key)
      expect(await judges.isHeld(id)).toBe(true)
      expect(Number(await judgeClient.command('PTTL', key))).toBeGreaterThan(0)

      await lease.release()
      const releasedMs = performance.now()
      expect(await judgeClient.command('EXISTS', key)).toBe(0)
      expect(new Set(await answersUntil(judges, false))).toEqual(new Set([undefined, false]))
      expect(performance.now() - releasedMs).toBeGreaterThan(absenceMs)
      expect(lease.lost.aborted).toBe(false)
    },
  )

  test.for(Object.keys(majors) as Major[])(
    'of a holder that is cut off have ended, and the holder of %s knows before',
    async (major, { onTestFinished }) => {
      const server = await startRedis(onTestFinished)
      const { holders, judges, holderClient } = await createStores(
        onTestFinished,
        `redis://127.0.0.1:${server.port}`,
        major,
      )
      const { lost } = await holders.hold(id)
      holderClient.destroy()
      let lostMs = Number.POSITIVE_INFINITY
      lost.addEventListener('abort', () => void (lostMs = performance.now()))
      await answersUntil(judges, false)
      expect(performance.now() - lostMs).toBeGreaterThan(ttlMs / 3)
    },
  )

  test.for(Object.keys(majors) as Major[])(
    'of a live holder are not taken for ended by a client of %s after a time in which the server was frozen',
    async (major, { onTestFinished }) => {
      const server = await startRedis(onTestFinished)
      const { holders, judges } = await createStores(
        onTestFinished,
        `redis://127.0.0.1:${server.port}`,
        major,
      )
      const { lost } = await holders.hold(id)
      const answers = await answersUntil(judges, true)
      await server.freeze()
      const lostSignal = once(lost, 'abort')
      answers.push(await judges.isHeld(id).catch(() => 'rejected' as const))
      await lostSignal
      await pause(ttlMs)
      server.thaw()
      await answersUntil(judges, true, answers)
      expect(answers).toContain('rejected')
      expect(answers).not.toContain(false)
    },
  )

  test.for(Object.keys(majors) as Major[])(
    'of a live holder are not taken for ended by a client of %s after the server was killed and began without keys',
    async (major, { onTestFinished }) => {
      const server = await startRedis(onTestFinished)
      const { holders, judges } = await createStores(
        onTestFinished,
        `redis://127.0.0.1:${server.port}`,
        major,
      )
      await holders.hold(id)
      await server.kill()
      const answers: Answers = [await judges.isHeld(id).catch(() => 'rejected' as const)]
      server.start()
      await answersUntil(judges, true, answers)
      expect(answers).toContain('rejected')
      expect(answers).not.toContain(false)
    },
  )

  test('of a live holder are made again after a flush, and not taken for ended', async ({
    onTestFinished,
  }) => {
    const server = await startRedis(onTestFinished)
    const { holders, judges, judgeClient } = await createStores(
      onTestFinished,
      `redis://127.0.0.1:${server.port}`,
    )
    const { lost } = await holders.hold(id)
    const answers = await answersUntil(judges, true)
    for (let flushes = 0; flushes < 5; flushes += 1) {
      await judgeClient.command('FLUSHALL')
      answers.push(await judges.isHeld(id))
      await answersUntil(judges, true, answers)
    }
    expect(new Set(answers)).toEqual(new Set([undefined, true]))
    expect(lost.aborted).toBe(false)
  })

  test('of a live holder are not taken for ended after a failover to a replica that lacks them', async ({
    onTestFinished,
  }) => {
    const [master, replica] = [await startRedis(onTestFinished), await startRedis(onTestFinished)]
    const address = await startAddress(onTestFinished, master.port)
    const { holders, judges } = await createStores(onTestFinished, address.url)
    const replicaClient = await majors.redis6(`redis://127.0.0.1:${replica.port}`, onTestFinished)
    expect(await judges.isHeld(id)).toBe(undefined)
    await replicaClient.command('REPLICAOF', '127.0.0.1', String(master.port))
    while (Number(await replicaClient.command('EXISTS', 'leases:epoch')) === 0) await pause(20)
    // what the master receives from now on, the replica lacks
    await replicaClient.command('REPLICAOF', 'NO', 'ONE')
    const { lost } = await holders.hold(id)
    const answers = await answersUntil(judges, true)
    address.leadTo(replica.port)
    await master.kill()
    answers.push(await judges.isHeld(id).catch(() => 'rejected' as const))
    await answersUntil(judges, true, answers)
    expect(answers.slice(1)).toContain(undefined)
    expect(answers).not.toContain(false)
    expect(lost.aborted).toBe(false)
  })

  test('are not read from a replica, nor from a master that may not write without its replicas', async ({
    onTestFinished,
  }) => {
    const [master, replica] = [
      await startRedis(onTestFinished, { 'min-replicas-to-write': '1' }),
      await startRedis(onTestFinished),
    ]
    const masterStores = await createStores(onTestFinished, `redis://127.0.0.1:${master.port}`)
    const replicaStores = await createStores(onTestFinished, `redis://127.0.0.1:${replica.port}`)
    await replicaStores.judgeClient.command('REPLICAOF', '127.0.0.1', String(master.port))
    const info = async () => String(await masterStores.judgeClient.command('INFO', 'replication'))
    while (!(await info()).includes('min_slaves_good_slaves:1')) await pause(20)
    await masterStores.holders.hold(id)
    expect(await masterStores.judges.isHeld(id)).toBe(true)
    await expect(replicaStores.judges.isHeld(id)).rejects.toThrow('READONLY')
    await replica.kill()
    while (!(await info()).includes('min_slaves_good_slaves:0')) await pause(20)
    await expect(masterStores.judges.isHeld(id)).rejects.toThrow('NOREPLICAS')
  })

  test('are not known by a user who may not ask which server it is', async ({ onTestFinished }) => {
    const server = await startRedis(onTestFinished)
    const { judges, judgeClient } = await createStores(onTestFinished, `redis://127.0.0.1:${server.port}`)
    await judgeClient.command('ACL', 'SETUSER', 'default', '-info')
    await expect(judges.isHeld(id)).rejects.toThrow(
      /redis: reading leases: .*(NOPERM|can.t run this command)/,
    )
  })
})
