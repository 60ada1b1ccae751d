import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Summary } from '../../../src/cli/demo/account.ts'
import { runDemo } from '../../../src/cli/demo/demo.ts'
import { openHostStage } from '../../../src/cli/demo/host-stage.ts'
import { fastestSpeed } from '../../../src/cli/demo/pace.ts'
import { runLabel } from '../../../src/cli/demo/stage.ts'
import { OptionError } from '../../../src/domain/errors.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../../src/testing/index.ts'
import { recordingScreen } from './support.ts'

const storyLimitMs = 90_000

interface Host {
  readonly engine: EmbeddedEngine
  readonly bystanders: readonly string[]
}

/** An engine with foreign containers, some of which resemble ours. */
async function openHost(): Promise<Host> {
  const engine = createEmbeddedEngine({ images: ['postgres:17', 'busybox:latest'] })
  await engine.listen()
  // Some engines have ignored the filter: a cleanup that relied on it alone removed everything.
  engine.faults.add({ kind: 'ignored-label-filter' })
  const bystanders = [
    engine.containers.create({ name: 'database', image: 'postgres:17' }),
    engine.containers.create({
      name: 'another-demo',
      labels: { 'flotsam.demo.agent': 'feed', [runLabel]: 'beef' },
    }),
  ]
  return { engine, bystanders }
}

const idsOn = ({ engine }: Host) => engine.containers.list().map(({ id }) => id)
const deletedOn = ({ engine }: Host) =>
  engine.requests.matching({ method: 'DELETE' }).map(({ containerId }) => containerId)

describe('the story on an existing engine', () => {
  const hosts: Host[] = []
  let whole: { readonly host: Host; readonly summary: Summary; readonly code: number }
  let cut: { readonly host: Host; readonly text: string; readonly code: number; readonly madeBefore: number }

  async function playWhole() {
    const host = await openHost()
    hosts.push(host)
    const screen = recordingScreen()
    const openStage = () => openHostStage({ host: host.engine.address })
    const code = await runDemo({ screen, json: true, speed: fastestSpeed, openStage })
    return { host, code, summary: JSON.parse(screen.text()) as Summary }
  }

  async function playInPart() {
    const host = await openHost()
    hosts.push(host)
    const screen = recordingScreen()
    const abort = new AbortController()
    let madeBefore = 0
    screen.onWrite = (text) => {
      if (abort.signal.aborted || !text.includes('the engine freezes')) return
      madeBefore = host.engine.containers.size
      abort.abort(new Error('interrupted'))
    }
    const openStage = () => openHostStage({ host: host.engine.address, image: 'busybox:latest' })
    const code = await runDemo({ screen, speed: fastestSpeed, openStage, signal: abort.signal })
    return { host, code, madeBefore, text: screen.text() }
  }

  beforeAll(async () => {
    ;[whole, cut] = await Promise.all([playWhole(), playInPart()])
  }, storyLimitMs)
  afterAll(() => Promise.all(hosts.map(({ engine }) => engine.close())))

  it("passes, by the engine's listings and events", () => {
    expect(whole.summary.check).toEqual({ source: "the engine's listings and events", mismatches: [] })
    expect(whole.code).toBe(0)
  })

  it('has the same containers lost, removed and spared as on the embedded engine', () => {
    const { leaked, removed, spared, outage } = whole.summary
    expect(leaked.map(({ name }) => name)).toEqual(['job-5', 'job-6', 'job-8', 'web-2', 'job-9', 'job-10'])
    expect(new Set(leaked.map(({ id }) => id))).toEqual(new Set(removed))
    expect(spared.map(({ name }) => name).sort()).toEqual(['db-3', 'job-7', 'keep-4', 'neighbour', 'web-1'])
    expect(outage.failedScans).toBeGreaterThan(1)
  })

  it('Flotsam removed the lost ones, and the rest went when the demo cleaned up', () => {
    const deleted = deletedOn(whole.host)
    for (const id of whole.summary.removed) expect(deleted.filter((one) => one === id)).toHaveLength(1)
    for (const { id } of whole.summary.spared)
      expect(deleted.lastIndexOf(id)).toBeGreaterThan(deleted.lastIndexOf(whole.summary.removed.at(-1)))
  })

  it('leaves the engine as it was, and has touched only its own containers', () => {
    expect(idsOn(whole.host)).toEqual(whole.host.bystanders)
    for (const id of whole.host.bystanders) expect(deletedOn(whole.host)).not.toContain(id)
  })

  it('cleans up even when it is interrupted during an outage', () => {
    expect(cut.madeBefore).toBeGreaterThan(cut.host.bystanders.length)
    expect(cut.text).toContain('interrupted; everything that it created is removed')
    expect(cut.code).toBe(1)
    expect(idsOn(cut.host)).toEqual(cut.host.bystanders)
  })
})

describe('an unusable host', () => {
  it('a missing image is refused by name', async () => {
    const { engine } = await openHost()
    const opened = openHostStage({ host: engine.address, image: 'nosuch:1' })
    await expect(opened).rejects.toThrow(
      /^option image: "nosuch:1" is not allowed; it cannot run `sleep`.*No such image/,
    )
    expect(engine.containers.size).toBe(2)
    await engine.close()
  })

  it('an engine without any image is refused with that reason', async () => {
    const engine = createEmbeddedEngine({ images: [] })
    await engine.listen()
    await expect(openHostStage({ host: engine.address })).rejects.toThrow(
      /^option image is missing; no image that was tried on this engine can run `sleep`/,
    )
    await engine.close()
  })

  it('an address that cannot be relayed is wrong usage', async () => {
    await expect(openHostStage({ host: 'ssh://me@there' })).rejects.toBeInstanceOf(OptionError)
  })

  it('an absent engine is named, with the cause', async () => {
    const screen = recordingScreen()
    const openStage = () => openHostStage({ host: 'unix:///nonexistent/docker.sock' })
    expect(await runDemo({ screen, openStage })).toBe(1)
    expect(screen.text()).toMatch(/no engine can be reached at unix:\/\/\/nonexistent\/docker.sock: .*ENOENT/)
  })
})
