import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { drawFrame } from '../../src/cli/demo/frame.ts'
import { inkFor } from '../../src/cli/demo/glyphs.ts'
import { createReconcilerIn } from '../../src/reconciler.ts'
import { recordingScreen, visible } from '../cli/demo/support.ts'
import { createTestWorld, ranCli, type TestWorld } from '../cli/support/cli-world.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'

const owner = `--owner ${ownerLabel}=${ownerValue}`
const address =
  /^inspector: (http:\/\/127\.0\.0\.1:(\d+)\/\?token=[\w-]{22}) \(in Stately's own: (http:\S+)\)\n$/

let end = async () => {}
afterEach(() => end())

/** `flotsam run` on an engine in memory, up to where it says its address. */
async function running(
  flags: string,
  world?: TestWorld,
): Promise<{ readonly world: TestWorld; readonly url: string }> {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const used =
    world ??
    createTestWorld({
      createReconciler: (given) =>
        createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => noSelf }, given),
    })
  const ended = ranCli(`run ${owner} --nothing-tracked ${flags}`, used)
  end = async () => {
    end = async () => {}
    used.signal()
    await clock.advance(10_000)
    await ended
  }
  await expect.poll(() => used.err).toMatch(address)
  return { world: used, url: address.exec(used.err)?.[1] as string }
}

const isListening = (url: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

describe('--inspect', () => {
  it('of run: prints the address on stderr in one line, and serves there until the end', async () => {
    const { world, url } = await running('--inspect')
    expect(world.made[0]?.inspect).toBeTypeOf('function')
    expect(await isListening(url)).toBe(true)
    const stately = await fetch(address.exec(world.err)?.[3] as string)
    expect(await stately.text()).toContain('Stately inspector')
    await end()
    expect(await isListening(url)).toBe(false)
    // The log stays what it is, one JSON object a line.
    for (const line of world.out.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow()
    expect(world.out).not.toContain('token')
  })

  it('with a port: there', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const { url } = await running(`--inspect ${port}`)
    expect(new URL(url).port).toBe(String(port))
  })

  it('prints the address at every log level', async () => {
    const { url } = await running('--inspect --log-level silent')
    expect(url).toContain('token')
  })

  it.each(['run', 'demo'])('of %s: a port that is taken is one clear line, and 1', async (command) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const shared = command === 'run' ? `${owner} --nothing-tracked` : ''
    const { code, out, err } = await ranCli(`${command} ${shared} --inspect ${port}`)
    expect(code).toBe(1)
    expect(err).toBe(`error: the inspector's port ${port} is in use by another process\n`)
    expect(out).toBe('')
  })

  it.each(
    ['run', 'demo'].flatMap((command) =>
      ['65536', '-1', 'x', '1.5', '80x', '999999'].map((port) => [command, port] as const),
    ),
  )('of %s: %s is no port, which is wrong usage', async (command, port) => {
    const shared = command === 'run' ? `${owner} --nothing-tracked` : ''
    const { code, out, err } = await ranCli([
      ...`${command} ${shared}`.split(' ').filter(Boolean),
      `--inspect=${port}`,
    ])
    expect([code, out]).toEqual([2, ''])
    expect(err).toBe(
      `error: --inspect: "${port}" is not allowed; it must be a port from 1 to 65535, or 0 for a free one\n`,
    )
  })

  it.each(['scan', 'sweep', 'explain', 'config'])('is not for %s, which ends by itself', async (command) => {
    const { code, err } = await ranCli(`${command} ${owner} --inspect`)
    expect(code).toBe(2)
    expect(err).toContain("unknown option '--inspect'")
  })

  it('leaves no listener when the options are invalid', async () => {
    const world = createTestWorld()
    const { code } = await ranCli(`run ${owner} --nothing-tracked --host nowhere --inspect`, world)
    expect(code).toBe(2)
    const url = address.exec(world.err.split('error: ')[0] as string)?.[1] as string
    expect(await isListening(url)).toBe(false)
    expect(world.err).toContain('error: --host: ')
  })

  it('of demo: Flotsam’s actors reach a tab while the story runs', async () => {
    const world = createTestWorld()
    const ended = ranCli('demo --inspect --speed 4 --json', world)
    await expect.poll(() => world.err).toMatch(address)
    const url = new URL(address.exec(world.err)?.[1] as string)
    const { WebSocket } = await import('ws')
    const names = new Set<string>()
    const webSocket = new WebSocket(`ws://${url.host}/ws${url.search}`)
    webSocket.on('message', (data: Buffer) => {
      const { name } = JSON.parse(data.toString()) as { readonly name?: string }
      if (name !== undefined) names.add(name)
    })
    const closed = once(webSocket, 'close')
    await expect
      .poll(() => [...names].filter((name) => /^\S+ [0-9a-f]{12}$/.test(name)).length, { timeout: 20_000 })
      .toBeGreaterThan(1)
    expect(names).toContain('supervisor')
    world.signal()
    expect((await ended).code).toBe(1)
    expect((await closed)[0]).toBe(1001)
    expect(() => JSON.parse(world.out)).not.toThrow()
  }, 30_000)

  it.each([120, 60, 40])(
    'of demo: the address stays whole in the picture of a terminal of %i columns',
    (columns) => {
      const url = 'http://127.0.0.1:40365/?token=RSWiv132JOReraE9124NQg'
      const lane = { between: () => [] }
      const lanes = Array.from({ length: 50 }, (_, at) => ({
        name: `web-${at}`,
        id: '',
        lane: lane as never,
        status: 'runs',
        shortStatus: 'runs',
        style: 'dim' as const,
        isOver: false,
      }))
      const frame = drawFrame({
        ink: inkFor(recordingScreen({ columns })),
        columns,
        rows: 24,
        place: 0,
        lanes,
        log: [],
        address: url,
      })
      expect(frame.at(-1)).toContain(url)
      const rows = frame.reduce(
        (sum, line) => sum + Math.max(1, Math.ceil(visible(line).length / columns)),
        0,
      )
      expect(rows).toBeLessThan(24)
    },
  )
})
