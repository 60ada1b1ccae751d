import type { Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chromiumPath } from './support/browser-availability.ts'
import { useTabs } from './support/tabs.ts'
import { allRows, shownGroups, type ShownRow, shownRows } from './support/viewer.ts'
import { addContainers, openWatchedWorld, type WatchedWorld } from './support/watched-world.ts'

const patience = { timeout: 15_000, interval: 50 }

describe.skipIf(chromiumPath === undefined)(
  "the inspector's page, beside the reconciler that it shows",
  () => {
    const { open } = useTabs()

    async function world(): Promise<WatchedWorld> {
      const made = await openWatchedWorld()
      onTestFinished(() => made.close())
      return made
    }

    /** All that differs between the page and the reconciler, at a moment at which nothing moves. */
    async function expectEqual(page: Page, { reconciler, truth }: WatchedWorld): Promise<void> {
      await expect.poll(async () => differences(await allRows(page), truth()), patience).toEqual([])
      const { containers, engine, lastScan } = reconciler.status()
      const rows = await allRows(page)
      const ofVerdict = (verdict: string) => rows.filter((row) => row.verdict === verdict).length
      expect({
        total: rows.length,
        byVerdict: {
          tracked: ofVerdict('tracked'),
          graced: ofVerdict('graced'),
          dangling: ofVerdict('dangling'),
          spared: ofVerdict('spared'),
        },
        all: (await shownGroups(page))['all'],
      }).toEqual({ total: containers.total, byVerdict: containers.byVerdict, all: containers.total })
      expect(await page.getByTestId('health').textContent()).toBe(engine.health)
      const count = (name: string) => page.locator(`[data-count="${name}"] dd`).textContent()
      expect([await count('listed'), await count('owned')]).toEqual([
        String(lastScan?.listed),
        String(lastScan?.owned),
      ])
    }

    it('shows what reconciler.status() returns, before, during and after an outage, and during a removal', async () => {
      const made = await world()
      const { engine, tracked, reconciler, inspector } = made
      const old = { createdAtMs: Date.now() - 7_200_000 }
      const [web = '', db = ''] = addContainers(engine, ['web-1', 'db-3'], old)
      const [hanging = '', quick = ''] = addContainers(engine, ['job-5', 'job-6'], old)
      for (const id of [web, db, hanging, quick]) tracked.add(id)
      addContainers(engine, ['keep-4'], { ...old, labels: { 'flotsam.keep': 'true' } })
      addContainers(engine, ['young-7'])
      const hang = engine.faults.add({
        kind: 'slow-removal',
        delayMs: Number.POSITIVE_INFINITY,
        container: hanging,
      })
      reconciler.start()
      await reconciler.scan()
      const page = await open(inspector.url)
      await expectEqual(page, made)
      expect(await shownGroups(page)).toEqual({ all: 6, graced: 1, spared: 1, tracked: 4 })
      // every column has room on a small laptop as well
      await page.setViewportSize({ width: 1280, height: 720 })
      expect(
        await page.evaluate(
          `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.list .rows'))`,
        ),
      ).toBe(0)

      tracked.delete(hanging)
      tracked.delete(quick)
      await reconciler.scan()
      await expect.poll(() => reconciler.status().containers.total, patience).toBe(5)
      await expect.poll(() => reconciler.status().removals.underWay.length, patience).toBe(1)
      await expectEqual(page, made)
      expect(await shownGroups(page)).toEqual({
        all: 5,
        removing: 1,
        graced: 1,
        spared: 1,
        tracked: 2,
        ended: 1,
      })
      await page.locator('.chip[data-group="ended"]').click()
      expect((await shownRows(page)).map(({ name, state }) => ({ name, state }))).toEqual([
        { name: 'job-6', state: 'removed' },
      ])
      await page.locator('.chip[data-group="all"]').click()

      await engine.goDown()
      await expect.poll(() => reconciler.scan().then(Boolean, () => 'failed'), patience).toBe('failed')
      await expect.poll(() => page.getByTestId('health').textContent(), patience).toBe('down')
      await expectEqual(page, made)
      const { failure } = reconciler.status().engine
      await expect
        .poll(() => page.getByTestId('engine-failure').textContent(), patience)
        .toContain(`${failure?.kind}: ${failure?.message}`)

      hang.clear()
      await engine.comeUp()
      await expect.poll(() => page.getByTestId('health').textContent(), patience).toBe('up')
      await expect.poll(() => reconciler.status().containers.total, patience).toBe(4)
      await expectEqual(page, made)
      expect(await page.getByTestId('engine-failure').count()).toBe(0)
      expect(await shownGroups(page)).toEqual({ all: 4, graced: 1, spared: 1, tracked: 2, ended: 2 })
    })

    it('a tab that connects late sees all of 1,000 containers', async () => {
      const made = await world()
      const { engine, tracked, reconciler, inspector } = made
      const names = Array.from({ length: 1000 }, (_, index) => `task-${index}`)
      addContainers(engine, names).forEach((id, index) => index % 2 === 0 && tracked.add(id))
      reconciler.start()
      await reconciler.scan()
      const page = await open(inspector.url)
      await expect.poll(() => shownGroups(page), patience).toEqual({ all: 1000, graced: 500, tracked: 500 })
      // of a thousand lines only those in sight are in the document
      expect((await shownRows(page)).length).toBeLessThan(60)
      await expectEqual(page, made)
    })
  },
)

function differences(shown: readonly ShownRow[], meant: readonly ShownRow[]): string[] {
  const lines = (rows: readonly ShownRow[]) => new Set(rows.map((row) => JSON.stringify(row)))
  const [inShown, inMeant] = [lines(shown), lines(meant)]
  return [
    ...[...inMeant].filter((line) => !inShown.has(line)).map((line) => `not shown: ${line}`),
    ...[...inShown].filter((line) => !inMeant.has(line)).map((line) => `not so: ${line}`),
  ]
}
