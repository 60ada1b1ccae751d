import { type Browser, chromium, type Page } from 'playwright-core'
import { chromiumPath } from './browser-availability.ts'

/** A browser that talks to this machine alone. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? 'chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A tab, with everything that it did and complained of. */
export interface Viewer {
  readonly page: Page
  readonly requests: readonly string[]
  /** Errors in scripts and on the console; what a policy forbids is among them. */
  readonly complaints: readonly string[]
}

export interface ViewerOptions {
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
}

export async function openViewer(
  browser: Browser,
  url: string,
  { colorScheme = 'light', viewport = { width: 1440, height: 900 } }: ViewerOptions = {},
): Promise<Viewer> {
  const page = await browser.newPage({ colorScheme, viewport })
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('websocket', (socket) => requests.push(socket.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await page.goto(url)
  return { page, requests, complaints }
}

/** A line of the list, as it can be read. */
export interface ShownRow {
  readonly id: string | null
  readonly name: string
  readonly state: string
  readonly verdict: string
  readonly reason: string
}

/** The lines that are in sight. */
export async function shownRows(page: Page): Promise<ShownRow[]> {
  return await page.evaluate(`
    [...document.querySelectorAll('.list .rows .row')].map((row) => {
      const cell = (name) => row.querySelector('[data-cell="' + name + '"]')?.textContent ?? ''
      return {
        id: row.dataset.container ?? row.dataset.session,
        name: row.querySelector('.name').firstChild.textContent.trim(),
        state: cell('state'),
        verdict: cell('verdict'),
        reason: cell('reason'),
      }
    })
  `)
}

/** The counts on the buttons that filter by state. */
export async function shownGroups(page: Page): Promise<Record<string, number>> {
  return await page.evaluate(`
    Object.fromEntries([...document.querySelectorAll('.chip')].map((chip) => [
      chip.dataset.group, Number(chip.querySelector('.chip-count').textContent),
    ]))
  `)
}

/** Every line, by reading the whole list from its top to its end. */
export async function allRows(page: Page): Promise<ShownRow[]> {
  const rows = new Map<string, ShownRow>()
  const [height, step] = (await page.evaluate(`
    (({ scrollHeight, clientHeight }) => [scrollHeight, clientHeight])(document.querySelector('.list .rows'))
  `)) as [number, number]
  for (let top = 0; top < height; top += step) {
    await page.evaluate(`document.querySelector('.list .rows').scrollTop = ${top}`)
    await nextFrames(page)
    for (const row of await shownRows(page)) rows.set(row.id ?? '', row)
  }
  await page.evaluate(`document.querySelector('.list .rows').scrollTop = 0`)
  return [...rows.values()]
}

/** Two frames on, everything that was asked for has been drawn. */
export async function nextFrames(page: Page): Promise<void> {
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))',
  )
}
