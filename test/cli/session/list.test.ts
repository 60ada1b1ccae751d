import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSession, socketLeases, type Session } from '../../../src/sessions/index.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../../src/testing/index.ts'
import { sessionId } from '../../support/memory-leases.ts'
import { createTestWorld, ranCli } from '../support/cli-world.ts'

const key = 'com.example.agent'

let engine: EmbeddedEngine
let leases: string
let alive: Session
beforeEach(async () => {
  engine = createEmbeddedEngine()
  leases = mkdtempSync(join(tmpdir(), 'flotsam-list-'))
  alive = await openSession({ leases: socketLeases(leases) })
  await engine.listen()
})
afterEach(async () => {
  await alive.close()
  await engine.close()
  rmSync(leases, { recursive: true })
})

const line = () => `sessions --owner ${key} --sessions ${leases} --host ${engine.address}`
const create = (session: string, name: string) =>
  engine.containers.create({ name, labels: { [key]: session } })

describe('flotsam sessions', () => {
  it('prints each session with its state and its containers', async () => {
    const ended = sessionId(1)
    const [web, job] = [create(alive.id, 'web'), create(alive.id, 'job')]
    const left = create(ended, 'left')
    create('agent-7', 'of-a-fixed-owner')
    const containersOf = (all: readonly (readonly [string, string])[]) =>
      all.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([id, name]) => ({ id, name }))
    const { code, out, err } = await ranCli(`${line()} --json`)
    expect([code, err]).toEqual([0, ''])
    const { sessions } = JSON.parse(out) as { sessions: { id: string; containers: { id: string }[] }[] }
    for (const { containers } of sessions) containers.sort((a, b) => (a.id < b.id ? -1 : 1))
    expect(sessions).toEqual(
      [
        { id: ended, state: 'ended', containers: containersOf([[left, 'left']]) },
        {
          id: alive.id,
          state: 'alive',
          containers: containersOf([
            [web, 'web'],
            [job, 'job'],
          ]),
        },
      ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    expect(engine.requests.matching({ method: 'DELETE' })).toEqual([])
  })

  it('one that is alive and has no containers is printed too', async () => {
    const { out } = await ranCli(line())
    expect(out.split('\n').map((row) => row.split(/ +/))).toEqual([
      ['SESSION', 'STATE', 'CONTAINERS', 'NAMES'],
      [alive.id, 'alive', '0'],
      ['1', 'session:', '1', 'alive,', '0', 'ended,', '0', 'unknown'],
      [''],
    ])
  })

  it('unknown-is-spared: without a directory nothing is said to have ended, and it ends with 1', async () => {
    create(sessionId(1), 'left')
    const words = line().replace(leases, join(leases, 'nowhere'))
    const { code, out, err } = await ranCli(`${words} --json`)
    expect(JSON.parse(out)).toMatchObject({ sessions: [{ id: sessionId(1), state: 'unknown' }] })
    expect(code).toBe(1)
    expect(err).toMatch(/^error: whether a session is alive is unknown: no session has been opened[^\n]+\n$/)
  })

  it('an engine that is down ends it with 1 and one line', async () => {
    const words = line()
    await engine.close()
    const { code, out, err } = await ranCli(words)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^error: [^\n]+\n$/)
  })
})

describe('--sessions', () => {
  const commands = ['run', 'sweep', 'scan', 'explain web'] as const
  const refused = async (words: string, env: Record<string, string> = {}) => {
    const world = createTestWorld({ env })
    const { code, out, err } = await ranCli(words, world)
    expect([code, out, world.made]).toEqual([2, '', []])
    expect(err).toMatch(/^error: [^\n]+\n$/)
    return err
  }

  it.each(commands)('%s: with a value of --owner it is refused, also with any value', async (command) => {
    for (const value of ['agent-7', '*']) {
      const place = `--sessions ${leases} --host ${engine.address}`
      expect(await refused(`${command} --owner ${key}=${value} ${place}`)).toBe(
        `error: --owner: "${key}=${value}" is not allowed; with sessions it must be KEY without a value, since the value is the id of each session\n`,
      )
    }
  })

  it.each(commands)('%s: KEY alone is refused without it', async (command) => {
    expect(await refused(`${command} --owner ${key} --nothing-tracked --host ${engine.address}`)).toBe(
      `error: --owner: "${key}" is not allowed; it must be KEY=VALUE or KEY=*; KEY alone needs --sessions\n`,
    )
  })

  it.each([...commands, 'sessions', 'session true'])(
    '%s: a preset, or no owner, is refused',
    async (command) => {
      const [name = '', ...rest] = command.split(' ')
      const words = (more: string) => `${name} --sessions ${leases} ${more} ${rest.join(' ')}`
      expect(await refused(words('--preset nomad'))).toContain(
        '--preset: "nomad" is not allowed; a preset has no',
      )
      expect(await refused(words(''))).toContain('--owner is missing; with sessions it must be KEY')
    },
  )

  it.each([
    ['http://user:secret@host/', '"http://***@host/"'],
    ['redis:user:secret@host/', '"***@host/"'],
    ['redis://user:secret@host/x', '"redis://***@host/x"'],
    ['redis://user:secret@host/0?x=y', '"redis://***@host/0"'],
  ])('%s is refused, and no password is printed', async (store, shown) => {
    const requirement =
      'it must be a directory, or redis://HOST:PORT/DATABASE (rediss:// with TLS); every part but the host may be left out'
    expect(await refused(`config --sessions ${store}`)).toBe(
      `error: --sessions: ${shown} is not allowed; ${requirement}\n`,
    )
    expect(await refused('config', { FLOTSAM_SESSIONS: store })).not.toContain('secret')
  })

  it('config prints it without the password', async () => {
    const { out } = await ranCli('config --owner a --sessions redis://user:secret@host:6379/0')
    expect(out).toContain('sessions: redis://***@host:6379/0  # --sessions\n')
  })

  it.each(['session', 'sessions'])('%s has no tracker', async (command) => {
    expect(await refused(`${command} --owner a --nothing-tracked true`)).toContain('unknown option')
  })

  it('the id of a session is no store: a FLOTSAM_SESSION that means FLOTSAM_SESSIONS is refused', async () => {
    const { code, err } = await ranCli('config', createTestWorld({ env: { FLOTSAM_SESSION: '/run/agents' } }))
    expect(code).toBe(2)
    expect(err).toContain(
      'FLOTSAM_SESSION: "/run/agents" is not allowed; it must be as flotsam session sets it',
    )
    const env = { FLOTSAM_SESSION: sessionId(1), FLOTSAM_LABEL: `${key}=${sessionId(1)}` }
    expect((await ranCli('config', createTestWorld({ env }))).code).toBe(0)
  })

  it('live-session: scan and explain report it, and sweep waits for the end of the session grace', async () => {
    const createdAtMs = Date.now() - 3_600_000
    for (const [name, session] of [
      ['lives', alive.id],
      ['left', sessionId(1)],
    ] as const)
      engine.containers.create({ name, labels: { [key]: session }, createdAtMs })
    const place = `--owner ${key} --sessions ${leases} --host ${engine.address}`
    const { out, code } = await ranCli(`scan ${place} --json`)
    expect(code).toBe(0)
    const { containers } = JSON.parse(out) as { containers: { name: string; reason: string }[] }
    expect(Object.fromEntries(containers.map(({ name, reason }) => [name, reason]))).toEqual({
      lives: 'session-alive',
      left: 'session-grace',
    })
    expect((await ranCli(`explain lives ${place}`)).out).toContain('session-alive')
    expect((await ranCli(`sweep ${place} --session-grace 1s`)).code).toBe(0)
    expect(engine.containers.list().map(({ name }) => name)).toEqual(['lives'])
  }, 30_000)
})
