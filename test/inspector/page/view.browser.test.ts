import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import { createInspector, type Inspector } from '../../../src/inspector/index.ts'
import { chromiumPath } from './support/browser-availability.ts'
import { hangLamps, playerMachine } from './support/foreign-system.ts'
import { useTabs } from './support/tabs.ts'
import { openTunnel } from './support/tunnel.ts'
import { nextFrames, shownGroups, shownRows } from './support/viewer.ts'

const patience = { timeout: 15_000, interval: 50 }
const countOf = (page: Page, group: string) => shownGroups(page).then((groups) => groups[group] ?? 0)
const names = async (page: Page) => (await shownRows(page)).map(({ name }) => name)

async function startInspector(port = 0): Promise<Inspector> {
  const inspector = await createInspector({ port })
  onTestFinished(() => inspector.stop())
  return inspector
}

describe.skipIf(chromiumPath === undefined)("the inspector's page, beside any system of actors", () => {
  const { open, expectComplaint } = useTabs()

  it("draws a foreign machine's chart, its active states and the last transition, live", async () => {
    const inspector = await startInspector()
    const player = createActor(playerMachine, { inspect: inspector.inspect })
    player.start()
    const page = await open(inspector.url)
    const active = () =>
      page.evaluate(
        `[...document.querySelectorAll('.state[data-active="true"]')].map((box) => box.dataset.path)`,
      )
    await expect.poll(active, patience).toEqual(['', 'track', 'track.paused', 'volume', 'volume.normal'])
    expect(await page.locator('.canvas .state').count()).toBe(9)
    expect(await page.locator('.label').allTextContents()).toEqual(
      expect.arrayContaining(['PLAY', 'STOP', 'READY', 'after 3600 s']),
    )
    // its list is of actors, and nothing on it is about containers
    expect(await page.locator('.health').count()).toBe(0)
    expect(await shownRows(page)).toMatchObject([{ name: 'player', state: 'track.paused · volume.normal' }])

    player.send({ type: 'PLAY' })
    await expect
      .poll(active, patience)
      .toEqual(['', 'track', 'track.playing', 'track.playing.buffering', 'volume', 'volume.normal'])
    expect(await page.locator('.label[data-taken="true"]').allTextContents()).toEqual(['PLAY'])
    expect(await page.getByTestId('last-step').textContent()).toBe(
      'last track.paused → track.playing.buffering on PLAY',
    )
    player.send({ type: 'READY' })
    const highlighted = async () => [
      await page.evaluate(`
        [...document.querySelectorAll('.label text')]
          .filter((text) => getComputedStyle(text).fontWeight === '600')
          .map((text) => text.textContent)
      `),
      await page.locator('.arrow[data-taken="true"]').count(),
    ]
    await expect.poll(highlighted, patience).toEqual([['READY'], 1])
    player.send({ type: 'STOP' })
    await expect.poll(highlighted, patience).toEqual([['STOP'], 1])
    const event = page.locator('.event', { has: page.getByText('PLAY', { exact: true }) })
    expect(await event.locator('.led-to').textContent()).toBe('→ track.playing.buffering')

    await page.getByRole('button', { name: 'Snapshot' }).click()
    expect(await page.locator('.payload').textContent()).toContain('"plays": 1')
    player.stop()
    await expect.poll(() => shownGroups(page), patience).toMatchObject({ all: 0, ended: 1 })
  })

  it('no text of a chart overlaps another', async () => {
    const inspector = await startInspector()
    createActor(playerMachine, { inspect: inspector.inspect }).start()
    const page = await open(inspector.url)
    await page.locator('.label').first().waitFor()
    const overlaps = await page.evaluate(`(() => {
      const boxes = [...document.querySelectorAll('.label, .state .title, .state .note')].map((text) => text.getBoundingClientRect())
      const over = (one, other) =>
        one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1
      return boxes.flatMap((one, index) => boxes.slice(index + 1).filter((other) => over(one, other))).length
    })()`)
    expect(overlaps).toBe(0)
  })

  it('keeps systems apart, with a choice between them', async () => {
    const inspector = await startInspector()
    const first = createActor(playerMachine, { inspect: inspector.inspect })
    const second = createActor(playerMachine, { inspect: inspector.inspect })
    first.start()
    second.start()
    first.send({ type: 'MUTE' })
    const page = await open(inspector.url)
    const shown = page.getByTestId('shown-state')
    await expect.poll(() => shown.textContent(), patience).toBe('track.paused · volume.normal')
    expect(await shownGroups(page)).toMatchObject({ all: 1 })
    expect(await page.locator('.event-type').allTextContents()).toEqual(['start'])
    await page.getByRole('combobox').selectOption(first.sessionId)
    await expect.poll(() => shown.textContent(), patience).toBe('track.paused · volume.muted')
    expect(await page.locator('.event-type').allTextContents()).toEqual(['MUTE', 'start'])
  })

  it('has room for every column on a small laptop', async () => {
    const inspector = await startInspector()
    hangLamps(40, inspector.inspect)
    const page = await open(inspector.url, { viewport: { width: 1280, height: 720 } })
    await expect.poll(() => countOf(page, 'off'), patience).toBe(40)
    const sideways = await page.evaluate(
      `['.list .rows', '.events', '.panels', 'body'].filter((name) => {
        const element = document.querySelector(name)
        return element.scrollWidth > element.clientWidth
      })`,
    )
    expect(sideways).toEqual([])
  })

  it('filters by state and by name, and sorts', async () => {
    const inspector = await startInspector()
    const { lamps } = hangLamps(30, inspector.inspect)
    for (const lamp of lamps.slice(0, 12)) lamp.send({ type: 'toggle' })
    const page = await open(inspector.url)
    await expect.poll(() => shownGroups(page), patience).toEqual({ all: 31, active: 1, off: 18, on: 12 })

    await page.locator('.chip[data-group="on"]').click()
    await expect.poll(async () => (await names(page)).length, patience).toBe(12)
    await page.getByRole('searchbox').fill('LAMP-1')
    expect(await names(page)).toEqual(['lamp-1', 'lamp-10', 'lamp-11'])
    await page.locator('.chip[data-group="on"]').click()
    expect(await names(page)).toHaveLength(11)
    await page.getByRole('searchbox').fill('no such lamp')
    expect(await page.locator('.list .empty').textContent()).toBe('Nothing matches the filters.')
    await page.getByRole('searchbox').fill('lamp')

    const name = page.getByRole('columnheader', { name: 'Name' })
    await name.getByRole('button').click()
    expect(await name.getAttribute('aria-sort')).toBe('ascending')
    expect((await names(page)).slice(0, 3)).toEqual(['lamp-0', 'lamp-1', 'lamp-2'])
    await name.getByRole('button').click()
    expect(await name.getAttribute('aria-sort')).toBe('descending')
    expect((await names(page)).slice(0, 3)).toEqual(['lamp-29', 'lamp-28', 'lamp-27'])

    lamps[7]?.send({ type: 'toggle' })
    const time = page.getByRole('columnheader', { name: 'In state' })
    await time.getByRole('button').click()
    expect(await time.getAttribute('aria-sort')).toBe('descending')
    await time.getByRole('button').click()
    await expect.poll(async () => (await names(page))[0], patience).toBe('lamp-7')
  })

  it('everything can be done with the keyboard alone', async () => {
    const inspector = await startInspector()
    hangLamps(200, inspector.inspect)
    const page = await open(inspector.url)
    await expect.poll(() => countOf(page, 'all'), patience).toBe(201)
    const picked = () => page.locator('.row[aria-selected="true"] .name').textContent()
    const { keyboard } = page

    await keyboard.press('/')
    await keyboard.type('lamp-1')
    await keyboard.press('ArrowDown')
    expect(await picked()).toMatch(/^lamp-1 /)
    await keyboard.press('ArrowDown')
    expect(await picked()).toMatch(/^lamp-10 /)
    await keyboard.press('End')
    expect(await picked()).toMatch(/^lamp-199 /)
    const grid = page.locator('.list .rows')
    expect(await grid.getAttribute('aria-activedescendant')).toBe(
      await page.locator('.row[aria-selected="true"]').getAttribute('id'),
    )
    await keyboard.press('Home')
    expect(await picked()).toMatch(/^lamp-1 /)
    await keyboard.press('Enter')
    await page.locator('.state[data-path="off"][data-active="true"]').waitFor()

    await keyboard.press('Escape')
    expect(await page.locator('.row[aria-selected="true"]').count()).toBe(0)
    await keyboard.press('/')
    await keyboard.press('Escape')
    expect(await page.getByRole('searchbox').inputValue()).toBe('')
    await keyboard.press('Escape')

    const pause = page.getByRole('button', { name: /Pause|Resume/ })
    await keyboard.press('p')
    expect(await pause.getAttribute('aria-pressed')).toBe('true')
    await keyboard.press(' ')
    expect(await pause.getAttribute('aria-pressed')).toBe('false')

    // what has the focus can be seen
    await keyboard.press('Tab')
    expect(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)).toBe('solid')
  })

  it('a chart can be zoomed and moved with the keyboard', async () => {
    const inspector = await startInspector()
    createActor(playerMachine, { inspect: inspector.inspect }).start()
    const page = await open(inspector.url)
    const drawing = page.locator('.canvas svg > g')
    const fitted = await drawing.getAttribute('transform')
    await page.locator('.canvas').focus()
    await page.keyboard.press('+')
    const zoomed = await drawing.getAttribute('transform')
    await page.keyboard.press('ArrowLeft')
    const moved = await drawing.getAttribute('transform')
    await page.keyboard.press('0')
    expect(new Set([fitted, zoomed, moved]).size).toBe(3)
    expect(await drawing.getAttribute('transform')).toBe(fitted)
  })

  it('a pause freezes the view while the model continues, and a resume catches up', async () => {
    const inspector = await startInspector()
    const { lamps } = hangLamps(40, inspector.inspect)
    const page = await open(inspector.url)
    await expect.poll(() => countOf(page, 'off'), patience).toBe(40)
    await page.keyboard.press('p')
    const before = await page.locator('main').textContent()
    const messages = Number(await page.locator('.app').getAttribute('data-messages'))
    for (const lamp of lamps) lamp.send({ type: 'toggle' })
    await expect
      .poll(async () => Number(await page.locator('.app').getAttribute('data-messages')), patience)
      .toBeGreaterThanOrEqual(messages + 80)
    expect(await page.locator('main').textContent()).toBe(before)
    expect(await page.locator('.counters').textContent()).toMatch(/more while paused/)
    // a search during a pause finds the frozen state
    await page.getByRole('searchbox').fill('lamp-1')
    expect(await names(page)).toHaveLength(11)
    expect(await shownGroups(page)).toEqual({ all: 41, active: 1, off: 40 })
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.keyboard.press('p')
    expect(await countOf(page, 'on')).toBe(40)
  })

  it('reconnects by itself when the connection to the agent was cut, and starts over', async () => {
    const inspector = await startInspector()
    const lights = hangLamps(5, inspector.inspect)
    const tunnel = await openTunnel(inspector.port)
    onTestFinished(() => tunnel.close())
    const page = await open(inspector.url.replace(`:${inspector.port}/`, `:${tunnel.port}/`))
    await expect.poll(() => countOf(page, 'off'), patience).toBe(5)
    expectComplaint(/WebSocket connection .* failed/)
    expectComplaint(/Failed to load resource/)
    tunnel.cut()
    await expect.poll(() => page.getByRole('status').textContent(), patience).toBe('not connected')
    expect(await page.getByRole('alert').textContent()).toMatch(/was lost|does not respond/)
    // actors that ended meanwhile are unknown
    lights.lamps[0]?.send({ type: 'toggle' })
    lights.stop()
    hangLamps(3, inspector.inspect)
    tunnel.mend()
    await expect.poll(() => page.getByRole('status').textContent(), patience).toBe('live')
    await expect.poll(() => shownGroups(page), patience).toEqual({ all: 4, active: 1, off: 3 })
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('times advance by themselves, without rendering', async () => {
    const inspector = await startInspector()
    hangLamps(3, inspector.inspect)
    const page = await open(inspector.url)
    await expect.poll(() => countOf(page, 'off'), patience).toBe(3)
    const renewals = () => page.locator('.app').getAttribute('data-renewals')
    const before = await renewals()
    const time = page.locator('.row[data-group="off"] .time').first()
    const shown = await time.textContent()
    await expect.poll(() => time.textContent(), patience).not.toBe(shown)
    expect(await renewals()).toBe(before)
  })

  it('says that the agent has ended, and that a new one has a new address', async () => {
    const first = await startInspector()
    const lights = hangLamps(5, first.inspect)
    const page = await open(first.url)
    await expect.poll(() => countOf(page, 'off'), patience).toBe(5)
    await first.stop()
    lights.stop()
    expectComplaint(/WebSocket connection .* failed/)
    expectComplaint(/Failed to load resource/)
    await expect
      .poll(() => page.getByRole('alert').textContent(), patience)
      .toMatch(/was lost|does not respond/)
    expect(await page.getByRole('status').textContent()).toBe('not connected')

    // a relay has a new token at each start, so the old address is refused
    const second = await startInspector(first.port)
    hangLamps(3, second.inspect)
    await expect.poll(() => page.getByRole('alert').textContent(), patience).toMatch(/is out of date/)
    await page.goto(second.url)
    await expect.poll(() => countOf(page, 'off'), patience).toBe(3)
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('a page from elsewhere is refused', async () => {
    const inspector = await startInspector()
    const foreign = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end('<link rel="icon" href="data:,"><p>elsewhere</p>')
    })
    await new Promise<void>((done) => foreign.listen(0, '127.0.0.1', done))
    onTestFinished(() => void foreign.close())
    const page = await open(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`)
    expectComplaint(/WebSocket connection .* failed/)
    const token = new URL(inspector.url).search
    const outcome = await page.evaluate(`new Promise((done) => {
      const socket = new WebSocket('ws://127.0.0.1:${inspector.port}/ws${token}')
      socket.onopen = () => done('open')
      socket.onclose = () => done('refused')
    })`)
    expect(outcome).toBe('refused')
  })

  it.each(['light', 'dark'] as const)('is %s where the system is', async (colorScheme) => {
    const inspector = await startInspector()
    hangLamps(3, inspector.inspect)
    const page = await open(inspector.url, { colorScheme })
    await expect.poll(() => countOf(page, 'off'), patience).toBe(3)
    const worst = (await page.evaluate(`(() => {
      const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number)
      const luminance = (color) => {
        const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const backgroundOf = (element) => {
        const color = getComputedStyle(element).backgroundColor
        return /, 0\\)$/.test(color) && element.parentElement ? backgroundOf(element.parentElement) : color
      }
      const texts = [...document.querySelectorAll('#page *')].filter(
        (element) => !element.closest('svg, kbd') && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ''),
      )
      return texts
        .map((element) => {
          const [one, other] = [luminance(getComputedStyle(element).color), luminance(backgroundOf(element))].toSorted((a, b) => b - a)
          return { contrast: (one + 0.05) / (other + 0.05), text: element.textContent }
        })
        .toSorted((one, other) => one.contrast - other.contrast)[0]
    })()`)) as { readonly contrast: number; readonly text: string }
    // what WCAG asks of ordinary text
    expect(worst.contrast, worst.text).toBeGreaterThanOrEqual(4.5)
    const ground = (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string
    const [red = 0] = (/\d+/.exec(ground) ?? []).map(Number)
    expect(red < 128).toBe(colorScheme === 'dark')
  })

  it('stays smooth with 1,000 actors and 1,000 changes a second', async () => {
    const inspector = await startInspector()
    const { lamps } = hangLamps(1000, inspector.inspect)
    const page = await open(inspector.url)
    await expect.poll(() => countOf(page, 'off'), patience).toBe(1000)
    await nextFrames(page)
    await page.evaluate(`
      window.frames_ = []
      window.tasks_ = []
      new PerformanceObserver((list) => window.tasks_.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
      const tick = (at) => { window.frames_.push(at); requestAnimationFrame(tick) }
      requestAnimationFrame(tick)
    `)
    const renewalsBefore = Number(await page.locator('.app').getAttribute('data-renewals'))
    const messagesBefore = Number(await page.locator('.app').getAttribute('data-messages'))
    const seconds = 4
    const beganMs = performance.now()
    let sent = 0
    while (sent < seconds * 1000) {
      const due = Math.min(seconds * 1000, Math.floor(performance.now() - beganMs))
      for (; sent < due; sent++) lamps[sent % lamps.length]?.send({ type: 'toggle' })
      await new Promise((done) => setTimeout(done, 10))
    }
    await expect
      .poll(async () => Number(await page.locator('.app').getAttribute('data-messages')), patience)
      .toBeGreaterThanOrEqual(messagesBefore + 2 * sent)
    const elapsedMs = performance.now() - beganMs
    const renewals = Number(await page.locator('.app').getAttribute('data-renewals')) - renewalsBefore
    const { frames, tasks } = (await page.evaluate('({ frames: window.frames_, tasks: window.tasks_ })')) as {
      readonly frames: readonly number[]
      readonly tasks: readonly number[]
    }
    const gaps = frames
      .slice(1)
      .map((at, index) => at - (frames[index] ?? at))
      .sort((one, other) => one - other)
    const gapAt = (share: number) => Math.round(gaps[Math.floor((gaps.length - 1) * share)] ?? 0)
    process.stdout.write(
      `1,000 actors, ${sent} changes in ${Math.round(elapsedMs)} ms: ${renewals} renderings, frames half within ${gapAt(0.5)} ms, ` +
        `19 of 20 within ${gapAt(0.95)} ms, worst ${gapAt(1)} ms; ${tasks.length} long tasks, longest ${Math.round(Math.max(0, ...tasks))} ms\n`,
    )
    // messages are gathered: far fewer renderings than changes, and none more often than it may
    expect(renewals).toBeLessThanOrEqual(Math.ceil(elapsedMs / 80) + 1)
    expect(renewals).toBeGreaterThan(3)
    expect(frames.length).toBeGreaterThan(seconds * 5)
    // other messages count as well, so the last changes may still be on their way
    const off = lamps.filter((lamp) => lamp.getSnapshot().value === 'off').length
    await expect.poll(() => countOf(page, 'off'), patience).toBe(off)
  })
})
