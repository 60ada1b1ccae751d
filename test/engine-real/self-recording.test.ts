import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { selfFrom } from '../../src/self/self-test.ts'
import { describeOnEngine } from '../support/real-engine.ts'
import { mustSpare, recordSelf } from '../support/self-recording.ts'

const kinds = ['dockerd', 'podman'] as const

describe.each(kinds)('not-self: containers as odd as %s makes them', (kind) => {
  describeOnEngine(kind, 'a process in each', (engine) => {
    it('spares its own container, and those indistinguishable from it', async () => {
      const recording = await recordSelf(engine())
      // FLOTSAM_RECORD_SELF=FILE makes a recording for test/self/recordings.
      const file = process.env['FLOTSAM_RECORD_SELF']
      if (file !== undefined) writeFileSync(`${file}-${kind}.json`, `${JSON.stringify(recording, null, 2)}\n`)
      for (const [name, traces] of Object.entries(recording.traces)) {
        const { judge, suspects } = selfFrom(traces, undefined)
        // A scan lists all containers first.
        for (const { id, name: one } of Object.values(recording.inspections)) suspects({ id, names: [one] })
        const spared = Object.entries(recording.inspections)
          .filter(([, inspection]) => judge(inspection) !== 'not-self')
          .map(([other]) => other)
        expect({ name, spared: spared.toSorted() }).toEqual({ name, spared: mustSpare(recording, name) })
      }
    }, 180_000)
  })
})
