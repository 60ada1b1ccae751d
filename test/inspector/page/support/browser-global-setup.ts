import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { root } from '../../../support/pages.ts'
import { browserIsRequired, chromiumPath, howToGetBrowser } from './browser-availability.ts'

const sources = join(root, 'src/inspector/page')
const built = join(root, 'dist/src/inspector/page/index.html')

/** The tests are of the page as it is shipped, so it must be built from the current sources. */
export default async function preparePage(): Promise<void> {
  if (chromiumPath === undefined) {
    if (browserIsRequired())
      throw new Error(`FLOTSAM_REQUIRE_BROWSER=1, but there is no chromium: ${howToGetBrowser}`)
    process.stderr.write(
      `\nSKIPPED: tests in a browser, for want of chromium\n  to run them: ${howToGetBrowser}\n\n`,
    )
    return
  }
  if (isStale()) await build({ root: sources, logLevel: 'error' })
}

function isStale(): boolean {
  if (!existsSync(built)) return true
  const builtAt = statSync(built).mtimeMs
  return readdirSync(sources, { recursive: true, encoding: 'utf8' }).some(
    (name) => statSync(join(sources, name)).mtimeMs > builtAt,
  )
}
