import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, type TestContext, test } from 'vitest'
import type { LeaseStore } from '../../src/domain/session.ts'
import { root } from '../support/pages.ts'
import { PrivateServer } from './support/private-server.ts'
import { findStore } from './support/store-availability.ts'

const program = findStore('etcd', 'FLOTSAM_REQUIRE_ETCD', 'etcd-server')

interface Example {
  etcdLeases(options: { url: string; ttlSeconds: number }): LeaseStore
}
const { etcdLeases } = (await import(join(root, 'examples/sessions/etcd.mjs'))) as Example

/** The shortest that etcd grants is two. */
const ttlSeconds = 3
const id = '0123456789abcdef0123456789abcdef'

async function startEtcd({ onTestFinished }: TestContext) {
  const server = await PrivateServer.start(program ?? '', (port, folder) => {
    const url = `http://127.0.0.1:${port}`
    // there are no other members: the port for them is any free one
    const peers = 'http://127.0.0.1:0'
    return {
      name: 'one',
      'data-dir': join(folder, 'data'),
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `one=${peers}`,
    }
  })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const url = `http://127.0.0.1:${server.port}`
  const answers = async () => {
    while (!(await isHealthy(url))) {
      if (!server.isRunning) throw new Error('etcd has ended')
      await pause(50)
    }
  }
  await answers()
  return {
    server,
    answers,
    holders: etcdLeases({ url, ttlSeconds }),
    judges: etcdLeases({ url, ttlSeconds }),
  }
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(new URL('/health', url)).catch(() => undefined)
  return response?.ok === true && JSON.stringify(await response.json()).includes('true')
}

async function answersUntil(judges: LeaseStore, last: boolean) {
  const answers: (boolean | undefined | 'rejected')[] = []
  while (answers.at(-1) !== last) {
    answers.push(await judges.isHeld(id).catch(() => 'rejected' as const))
    await pause(50)
  }
  return answers
}

describe.skipIf(program === undefined).concurrent('examples/sessions/etcd.mjs', () => {
  test('keeps a lease until it is released, and lets no other process take it', async (context) => {
    const { holders, judges } = await startEtcd(context)
    const lease = await holders.hold(id)
    await expect(judges.hold(id)).rejects.toThrow('is held by another process')
    const untilMs = performance.now() + 2 * ttlSeconds * 1000
    while (performance.now() < untilMs) {
      expect(await judges.isHeld(id)).toBe(true)
      await pause(200)
    }
    await lease.release()
    expect(new Set(await answersUntil(judges, false))).toEqual(new Set([undefined, false]))
    expect(lease.lost?.aborted).toBe(false)
  })

  test('answers nothing while etcd is frozen, and the holder learns that its lease may be lost', async (context) => {
    const { server, holders, judges } = await startEtcd(context)
    const lease = await holders.hold(id)
    await server.freeze()
    await once(lease.lost as AbortSignal, 'abort')
    await expect(judges.isHeld(id)).rejects.toThrow()
    server.thaw()
    expect(await answersUntil(judges, true)).not.toContain(false)
  })

  test('does not take a live holder for ended after etcd has lost its data', async (context) => {
    const { server, answers, holders, judges } = await startEtcd(context)
    const lease = await holders.hold(id)
    await server.kill()
    rmSync(join(server.folder, 'data'), { recursive: true })
    server.start()
    await answers()
    const seen = await answersUntil(judges, true)
    expect(seen).not.toContain(false)
    expect(lease.lost).toBeDefined()
  })
})
