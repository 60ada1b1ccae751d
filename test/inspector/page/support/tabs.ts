import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { launchBrowser, type Viewer, type ViewerOptions, openViewer } from './viewer.ts'

export interface Tabs {
  /** Opens a page in a tab that is closed at the end of the test. */
  readonly open: (url: string, options?: ViewerOptions) => Promise<Page>
  /** Takes such a complaint of this test's tabs for what was meant to happen. */
  readonly expectComplaint: (pattern: RegExp) => void
}

/** One browser for a file, and the rules that hold for each tab: nothing from elsewhere, and no complaint. */
export function useTabs(): Tabs {
  let browser: Browser
  const viewers: Viewer[] = []
  const expected: RegExp[] = []

  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser.close()
  })
  afterEach(async () => {
    const seen = viewers.splice(0)
    const patterns = expected.splice(0)
    await Promise.all(seen.map(({ page }) => page.close()))
    const requests = seen.flatMap(({ requests }) => requests)
    expect(requests.filter((url) => !isOfThisMachine(url))).toEqual([])
    const complaints = seen.flatMap(({ complaints }) => complaints)
    expect(complaints.filter((text) => !patterns.some((pattern) => pattern.test(text)))).toEqual([])
  })

  return {
    async open(url, options) {
      const viewer = await openViewer(browser, url, options)
      viewers.push(viewer)
      return viewer.page
    },
    expectComplaint: (pattern) => void expected.push(pattern),
  }
}

function isOfThisMachine(url: string): boolean {
  return /^(http|ws):\/\/127\.0\.0\.1:\d+\//.test(url)
}
