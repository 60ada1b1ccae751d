// Draws docs/images: what a browser shows of the demo, at two moments worth seeing. Needs Debian's chromium.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

import { runDemo } from '../dist/src/demo/demo.js'
import { openEmbeddedStage } from '../dist/src/demo/embedded-stage.js'
import { createInspector } from '../dist/src/inspector/index.js'

const folder = join(import.meta.dirname, '../docs/images')
const patienceMs = 60_000
const silent = {
  write: () => {},
  isTerminal: false,
  columns: () => 80,
  rows: () => 24,
  hasColour: false,
  hasUnicode: true,
}

const interruption = new AbortController()
const inspector = await createInspector()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
})
const demo = runDemo({
  screen: silent,
  json: true,
  signal: interruption.signal,
  inspector,
  // long enough to be seen
  openStage: () => openEmbeddedStage({ removalMs: 1500 }),
})
try {
  mkdirSync(folder, { recursive: true })
  const [light, dark] = await Promise.all(['light', 'dark'].map(open))
  await Promise.all([shootRemoval(light, 'inspector-light.png'), shootOutage(dark, 'inspector-dark.png')])
} finally {
  interruption.abort()
  await demo
  await browser.close()
  await inspector.stop()
}

async function open(colorScheme) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme })
  page.setDefaultTimeout(patienceMs)
  await page.goto(inspector.url)
  return page
}

/** The engine is down; what the last look had found is still known. */
async function shootOutage(page, name) {
  await page.locator('.badge[data-health="down"]').waitFor()
  await page.getByTestId('engine-failure').getByText('3 failed looks').waitFor()
  await shoot(page, name)
}

/** Two containers in the middle of their removal, and the chart of one. */
async function shootRemoval(page, name) {
  await page.locator('.row', { hasText: 'job-5' }).click()
  await page.locator('.row[data-group="removing"]').nth(1).waitFor()
  await shoot(page, name)
}

async function shoot(page, name) {
  await page.locator('svg[data-ready="true"]').waitFor()
  await page.screenshot({ path: join(folder, name) })
  process.stdout.write(`docs/images/${name}: ${Math.round(statSync(join(folder, name)).size / 1024)} KiB\n`)
}
