import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Docker from 'dockerode'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ranCli } from '../cli/support/cli-world.ts'
import { engineIsRequired, engineTestsAreOff, findBinary } from '../support/engine-availability.ts'
import { plainRequest } from '../support/engine-http.ts'
import { Daemon, until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, owned } from '../support/real-harness.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/least-privilege.md'), 'utf8')
const configuration = blockThatHas('frontend flotsam')
const shownLine = /```text\n(.+)\n```/.exec(page)?.[1] ?? ''
const proxyDeadlineMs = 10_000
const graceMs = 1000
const wholeSecondMs = 1000

const haproxy = findBinary('haproxy')
if (engineIsRequired() && !engineTestsAreOff() && haproxy === undefined) {
  throw new Error('FLOTSAM_REQUIRE_ENGINE=1, but haproxy is missing: sudo apt-get install haproxy')
}

function blockThatHas(text: string): string {
  const blocks = [...page.matchAll(/```haproxy\n(.*?)```/gs)].map(([, block]) => block as string)
  const found = blocks.find((block) => block.includes(text))
  if (found === undefined) throw new Error(`docs/least-privilege.md has no block with "${text}"`)
  return found
}

/** The block of the page, which says that these lines are to be left out for a scan only. */
const scanOnly = configuration
  .split('\n')
  .filter((line) => !/method (DELETE|POST)/.test(line))
  .join('\n')

/** The proxy that one test talks through, in the folder of its private engine. */
interface Proxy {
  readonly address: string
  /** One line for each request that it has answered. */
  log(): string
  status(method: string, path: string): Promise<number>
  end(): Promise<void>
}

async function startProxy({ engine }: Bench, block: string): Promise<Proxy> {
  const folder = mkdtempSync(join(dirname(engine.socketPath), 'proxy-'))
  const [file, socketPath, logFile] = ['haproxy.cfg', 'docker.sock', 'log'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  const here = block
    .replace('unix@/run/flotsam/docker.sock', `unix@${socketPath}`)
    .replace('unix@/run/docker.sock', `unix@${engine.socketPath}`)
  writeFileSync(file, here)
  const daemon = new Daemon(haproxy ?? 'haproxy', ['-db', '-f', file], process.env, logFile)
  const docker = new Docker({ socketPath })
  const status = async (method: string, path: string) => (await plainRequest(docker, method, path)).status
  const answers = () =>
    status('GET', '/containers/json').then(
      (code) => code === 200,
      () => {
        if (!daemon.isRunning) throw new Error(`haproxy ended early:\n${daemon.logTail()}`)
        return false
      },
    )
  await until(answers, proxyDeadlineMs, 'a listing through haproxy')
  return {
    address: `unix://${socketPath}`,
    log: () => readFileSync(logFile, 'utf8'),
    status,
    end: async () => {
      daemon.signal('SIGTERM')
      await daemon.exit()
    },
  }
}

function cli({ address }: Proxy, command: string) {
  const owner = Object.entries(owned).map(([label, value]) => `${label}=${value}`)
  const graces = `--creation-grace ${graceMs}ms --allow-short-grace`
  return ranCli(`${command} --host ${address} --owner ${owner.join()} --nothing-tracked ${graces}`)
}

/**
 * A command has no scan before its own to count from: it goes by the engine's clock, which is given in whole seconds. A
 * container whose creation grace is over for a reconciler that watched may still be in it for a command.
 */
async function isPastItsGrace({ engine: { docker } }: Bench, id: string): Promise<void> {
  // The creation grace counts from the last start.
  const { State } = await docker.getContainer(id).inspect()
  const endsMs = Date.parse(State.StartedAt) + graceMs + 2 * wholeSecondMs
  await until(() => Date.now() > endsMs, graceMs + proxyDeadlineMs, `the grace of ${id}`)
}

const why = haproxy === undefined ? ' (skipped: haproxy is missing; sudo apt-get install haproxy)' : ''

describe.skipIf(haproxy === undefined)(`behind the proxy of docs/least-privilege.md${why}`, () => {
  describeOnBench('dockerd', 'a reconciler', (bench) => {
    let proxy: Proxy
    afterEach(() => proxy.end())

    describe('with the whole list', () => {
      beforeEach(async () => {
        proxy = await startProxy(bench(), configuration)
      })

      it('run removes a leak, and a tracked container is kept', async () => {
        const tracked = await bench().engine.run({ labels: owned })
        const leak = await bench().leak()
        const watch = bench().make({ engine: proxy.address })
        watch.tracked.add(tracked)
        watch.reconciler.start()
        await watch.removal(leak)
        expect(await bench().engine.exists(leak)).toBe(false)
        expect(await watch.verdicts()).toEqual({ [tracked]: 'tracked: tracked' })
        expect(watch.complaints()).toEqual([])
        expect(proxy.log()).not.toContain(' 403 ')
      })

      it('run ends a container gracefully, and removes a paused one', async () => {
        const running = await bench().leak()
        const paused = await bench().leak()
        await bench().engine.docker.getContainer(paused).pause()
        const watch = bench().watch({ engine: proxy.address, stopTimeout: '1s' })
        await Promise.all([watch.removal(running), watch.removal(paused)])
        expect(watch.complaints()).toEqual([])
      })

      it('scan and sweep work', async () => {
        const leak = await bench().leak('crawl-2')
        await isPastItsGrace(bench(), leak)
        expect((await cli(proxy, 'sweep')).out).toContain(`removed ${leak.slice(0, 12)}`)
        expect((await cli(proxy, 'scan')).out).toContain('0 owned containers')
        expect(await bench().engine.exists(leak)).toBe(false)
      })

      it('nothing else goes through', async () => {
        const { docker } = bench().engine
        const leak = await bench().leak()
        const id = `/containers/${leak}`
        expect(await proxy.status('GET', '/containers/json')).toBe(200)
        const denied = [
          ['POST', '/containers/create'],
          ['POST', `${id}/exec`],
          ['POST', `${id}/kill`],
          ['GET', `${id}/top`],
          ['GET', `${id}/logs`],
          ['GET', '/version'],
          ['GET', '/v1.41/../version'],
          ['GET', '/containers/json/../../version'],
          ['DELETE', `/containers/${leak.slice(0, 12)}`],
          ['DELETE', `${id}/`],
          ['DELETE', `/images/${leak}`],
          ['POST', '/containers/prune'],
          ['POST', '/containers/json'],
        ] as const
        for (const [method, path] of denied) {
          expect([method, path, await proxy.status(method, path)]).toEqual([method, path, 403])
        }
        expect(proxy.log()).toContain(' 403 ')
        expect((await docker.getContainer(leak).inspect()).State.Running).toBe(true)
      })

      it('survives-outage: an absent engine behind it is down, and is found again', async () => {
        const watch = bench().watch({ engine: proxy.address })
        await watch.once('scanned')
        await bench().engine.kill()
        await watch.reconciler.scan().catch(() => undefined)
        expect((await watch.once('engineDown')).kind).toBe('unavailable')
        await bench().engine.restart()
        expect((await watch.once('engineUp')).failures).toBeGreaterThan(0)
        expect(proxy.log()).toContain(' 503 ')
      })
    })

    describe('without the lines that change anything', () => {
      beforeEach(async () => {
        proxy = await startProxy(bench(), scanOnly)
      })

      it('dry-run: it reports what it would remove', async () => {
        const leak = await bench().leak('crawl-2')
        const watch = bench().watch({ engine: proxy.address, dryRun: true })
        await watch.once('classified', ({ id, verdict }) => id === leak && verdict === 'dangling')
        expect(watch.complaints()).toEqual([])
        await isPastItsGrace(bench(), leak)
        const { out, code } = await cli(proxy, 'sweep --dry-run')
        expect([code, out]).toEqual([0, expect.stringContaining(`would remove ${leak.slice(0, 12)} crawl-2`)])
        expect(proxy.log()).not.toContain(' 403 ')
      })

      it('a denied DELETE is the line of the page, and removes nothing', async () => {
        const leak = await bench().leak('crawl-2')
        const watch = bench().watch({ engine: proxy.address })
        const { about, kind } = await watch.once('degraded', (event) => event.about !== 'tracking')
        expect([about, kind]).toEqual(['removal', 'misconfigured'])
        const shown = shownLine
          .replace(/container \w{12} at/, `container ${leak.slice(0, 12)} at`)
          .replace('unix:///run/flotsam/docker.sock', proxy.address)
        expect(watch.complaints().map(({ msg }) => msg)).toEqual([shown])
        expect(await bench().engine.state(leak)).toBe('running')
        expect(watch.of('removed')).toEqual([])
      })
    })
  })
})
