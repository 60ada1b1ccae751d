import type { Browser, Page } from 'playwright-core'
import { build, type Rollup } from 'vite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { createInspector, type Inspector } from '../../src/inspector/index.ts'
import { root } from '../support/pages.ts'
import { chromiumPath } from './page/support/browser-availability.ts'
import { launchBrowser } from './page/support/viewer.ts'

interface Received {
  readonly type: string
  readonly name?: string
  readonly snapshot?: { readonly value: unknown }
}

const patience = { timeout: 15_000, interval: 50 }
const light = createMachine({
  id: 'light',
  initial: 'red',
  states: { red: { on: { turn: 'green' } }, green: { on: { turn: 'red' } } },
})

/** Takes what Stately's page takes, by the receiver that its authors ship, and keeps it. */
const receiverEntry = `
  import { createBrowserReceiver } from '@statelyai/inspect'
  window.received = []
  createBrowserReceiver().subscribe((message) => window.received.push(message))
`

describe.skipIf(chromiumPath === undefined)('the bridge to Stately’s inspector in Chromium', () => {
  let browser: Browser
  let receiver: string

  beforeAll(async () => {
    receiver = await bundled(receiverEntry)
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())

  /** A tab in which stately.ai is a page of this test: no request leaves the machine. */
  async function open(
    url: string,
    stately: 'answers' | 'is out of reach',
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.route(
      (address) => address.hostname !== '127.0.0.1',
      (route) =>
        stately === 'answers' && route.request().url() === 'https://stately.ai/inspect'
          ? route.fulfill({
              contentType: 'text/html',
              body: `<p>Stately</p><script type="module">${receiver}</script>`,
            })
          : route.abort(),
    )
    await page.goto(url)
    return { page, complaints }
  }

  async function inspecting(): Promise<Inspector> {
    const inspector = await createInspector()
    onTestFinished(() => inspector.stop())
    return inspector
  }

  const received = async (page: Page) => {
    const frame = page.frames().find((one) => one.url().startsWith('https://stately.ai/'))
    const messages: Received[] = (await frame?.evaluate('window.received')) ?? []
    return messages
  }

  it('passes every message of the protocol to the frame, even to a late one', async () => {
    const inspector = await inspecting()
    const actor = createActor(light, { id: 'one', inspect: inspector.inspect })
    actor.start()
    const { page, complaints } = await open(inspector.statelyUrl, 'answers')
    await expect
      .poll(async () => (await received(page)).map(({ type }) => type), patience)
      .toEqual(['@xstate.actor', '@xstate.event', '@xstate.snapshot'])
    expect((await received(page))[0]?.name).toBe('one')
    actor.send({ type: 'turn' })
    await expect.poll(async () => (await received(page)).at(-1)?.snapshot?.value, patience).toBe('green')
    expect(await page.locator('#note').isHidden()).toBe(true)
    expect(complaints).toEqual([])
    actor.stop()
  })

  it('sends a reloaded frame everything again', async () => {
    const inspector = await inspecting()
    const actor = createActor(light, { id: 'one', inspect: inspector.inspect })
    actor.start()
    actor.send({ type: 'turn' })
    const { page } = await open(inspector.statelyUrl, 'answers')
    await expect.poll(async () => (await received(page)).length, patience).toBeGreaterThan(2)
    await page.evaluate(`document.getElementById('inspector').src += ''`)
    await expect.poll(async () => (await received(page)).at(-1)?.snapshot?.value, patience).toBe('green')
    expect((await received(page)).filter(({ type }) => type === '@xstate.actor')).toHaveLength(1)
    actor.stop()
  })

  it('without the internet it says so and shows the way to our own page', async () => {
    const inspector = await inspecting()
    const { page } = await open(inspector.statelyUrl, 'is out of reach')
    await expect
      .poll(() => page.locator('#note').textContent(), patience)
      .toContain('which needs the internet')
    expect(await page.locator('#note a').getAttribute('href')).toBe(`/${new URL(inspector.url).search}`)
  })

  it('says when the agent has ended', async () => {
    const inspector = await inspecting()
    const { page } = await open(inspector.statelyUrl, 'answers')
    await expect.poll(() => page.locator('#note').isHidden(), patience).toBe(true)
    await inspector.stop()
    await expect.poll(() => page.locator('#note').textContent(), patience).toContain('The agent has exited')
  })

  it('accepts messages only from the frame', async () => {
    const inspector = await inspecting()
    const { page } = await open(inspector.statelyUrl, 'is out of reach')
    await page.evaluate(`
      window.opened = 0
      const Real = WebSocket
      window.WebSocket = class extends Real { constructor(...args) { window.opened += 1; super(...args) } }
      // Messages arrive in the order in which they were sent.
      new Promise((resolve) => {
        addEventListener('message', ({ data }) => data === 'the last' && resolve())
        window.postMessage({ type: '@statelyai.connected' }, '*')
        window.postMessage('the last', '*')
      })
    `)
    expect(await page.evaluate('window.opened')).toBe(0)
  })
})

async function bundled(entry: string): Promise<string> {
  const id = '\0receiver'
  const built = (await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'entry',
        resolveId: (source) => (source === 'receiver' ? id : undefined),
        load: (asked) => (asked === id ? entry : undefined),
      },
    ],
    build: { write: false, rollupOptions: { input: 'receiver' }, modulePreload: false },
  })) as Rollup.RollupOutput
  return built.output[0].code
}
