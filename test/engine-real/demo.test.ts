import { expect, it } from 'vitest'
import type { Summary } from '../../src/cli/demo/account.ts'
import { runDemo } from '../../src/cli/demo/demo.ts'
import { openHostStage } from '../../src/cli/demo/host-stage.ts'
import { recordingScreen } from '../cli/demo/support.ts'
import { describeOnEngine, type RealEngine } from '../support/real-engine.ts'

const storyLimitMs = 150_000

async function idsOn(engine: RealEngine): Promise<string[]> {
  const listed = await engine.docker.listContainers({ all: true })
  return listed.map(({ Id }) => Id).sort()
}

describeOnEngine('dockerd', 'the demo', (engine) => {
  it(
    'runs completely on a real engine, with an image that it finds there, and leaves the engine as it was',
    async () => {
      const bystander = await engine().run({ labels: { 'flotsam.demo.agent': 'feed' } })
      const screen = recordingScreen()
      const openStage = () => openHostStage({ host: engine().address })
      const code = await runDemo({ screen, json: true, openStage })
      const { check, leaked, removed, spared } = JSON.parse(screen.text()) as Summary
      expect(check).toEqual({ source: "the engine's listings and events", mismatches: [] })
      expect(new Set(leaked.map(({ id }) => id))).toEqual(new Set(removed))
      expect(removed).toHaveLength(6)
      expect(spared).toHaveLength(5)
      expect(code).toBe(0)
      expect(await idsOn(engine())).toEqual([bystander])
    },
    storyLimitMs,
  )

  it(
    'interrupted, it removes what it created',
    async () => {
      const before = await idsOn(engine())
      const screen = recordingScreen()
      const abort = new AbortController()
      screen.onWrite = (text) => {
        if (text.includes('3  Graces')) abort.abort(new Error('interrupted'))
      }
      const openStage = () => openHostStage({ host: engine().address, image: engine().image })
      expect(await runDemo({ screen, speed: 2, openStage, signal: abort.signal })).toBe(1)
      expect(screen.text()).toContain('interrupted; everything that it created is removed')
      expect(await idsOn(engine())).toEqual(before)
    },
    storyLimitMs,
  )
})
