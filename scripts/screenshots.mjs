// Takes the screenshots in docs/images: the demo in a browser, at two moments. Needs Debian's chromium.
import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { createInspector } from '../dist/src/inspector/index.js'

const folder = join(import.meta.dirname, '../docs/images')
const top = join(import.meta.dirname, '..')
const compiled = join(top, 'node_modules/.cache/flotsam-screenshots')
const extendedDeadlineMs = 60_000

// the build contains only the whole command, and this needs parts of the demo
mkdirSync(compiled, { recursive: true })
writeFileSync(join(compiled, 'package.json'), '{ "type": "module" }\n')
execFileSync(join(top, 'node_modules/.bin/tsc'), [
  '-p',
  join(top, 'tsconfig.build.json'),
  '--noCheck',
  '--outDir',
  compiled,
])
const { runDemo } = await import(join(compiled, 'src/cli/demo/demo.js'))
const { openEmbeddedStage } = await import(join(compiled, 'src/cli/demo/embedded-stage.js'))
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
  // long enough to be visible
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
  page.setDefaultTimeout(extendedDeadlineMs)
  await page.goto(inspector.url)
  return page
}

/** The engine is down, and the results of the last scan are still shown. */
async function shootOutage(page, name) {
  await page.locator('.badge[data-health="down"]').waitFor()
  await page.getByTestId('engine-failure').getByText('3 failed scans').waitFor()
  await shoot(page, name)
}

/** Two containers are being removed; the chart of one is shown. */
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
