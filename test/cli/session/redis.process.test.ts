import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEmbeddedEngine } from '../../../src/testing/index.ts'
import { PrivateServer } from '../../sessions/support/private-server.ts'
import { findStore } from '../../sessions/support/store-availability.ts'
import { buildCli, type BuiltCli } from '../support/built-cli.ts'

const password = 'a-secret'
const program = findStore('redis-server', 'FLOTSAM_REQUIRE_REDIS', 'redis-server')

describe.skipIf(program === undefined)('a session in Redis', () => {
  let cli: BuiltCli
  let server: PrivateServer
  beforeAll(async () => {
    cli = buildCli()
    server = await PrivateServer.start(program ?? '', (port, dir) => ({
      bind: '127.0.0.1',
      port: String(port),
      dir,
      save: '',
      requirepass: password,
    }))
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await cli.close()
  })

  const store = (secret = password) => `redis://:${secret}@127.0.0.1:${server.port}`

  it('is alive while its command runs, and closed with it', async () => {
    const engine = createEmbeddedEngine()
    await engine.listen()
    const inner = [process.execPath, cli.main, 'sessions', '--json', '--host', engine.address]
    const env = { FLOTSAM_SESSIONS: store(), FLOTSAM_OWNER: 'com.example.agent' }
    const run = cli.start(['session', '--', ...inner], ['ignore', 'pipe', 'pipe'], env)
    expect([await run.ended, run.err()]).toEqual([0, ''])
    expect(JSON.parse(run.out())).toEqual({
      sessions: [{ id: expect.stringMatching(/^[0-9a-f]{32}$/) as string, state: 'alive', containers: [] }],
    })
    const after = cli.start(inner.slice(2), ['ignore', 'pipe', 'pipe'], env)
    expect([await after.ended, after.err(), after.out()]).toEqual([0, '', '{"sessions":[]}\n'])
    await engine.close()
  })

  it('a wrong password is refused in one line, which has none', async () => {
    const run = cli.start(['session', '--owner', 'a', '--sessions', store('wrong'), '--', 'echo', 'ran'])
    expect([await run.ended, run.out()]).toEqual([1, ''])
    expect(run.err()).toMatch(
      /^error: cannot connect to redis:\/\/\*\*\*@127\.0\.0\.1:\d+: WRONGPASS [^\n]+\n$/,
    )
    expect(run.err()).not.toContain('wrong@')
  })
})
