import { findBinary } from '../../../support/engine-availability.ts'

export const howToGetBrowser = 'sudo apt-get install chromium, then: npx vitest run --project browser'

/** The browser of the system: none is downloaded. */
export const chromiumPath = findBinary('chromium')

/** True when a missing browser is a failure. */
export function browserIsRequired(): boolean {
  return process.env['FLOTSAM_REQUIRE_BROWSER'] === '1'
}
