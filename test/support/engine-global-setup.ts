import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  engineAvailability,
  engineIsRequired,
  engineTestsAreOff,
  howToGetEngines,
  type EngineKind,
} from './engine-availability.ts'

const kinds: readonly EngineKind[] = ['dockerd', 'podman']

/**
 * Says before the tests, where every reporter shows it, which real engines they will do without. A suite that is
 * skipped cannot say so itself: reporters hide what it prints.
 */
export default function tellWhatIsSkipped(): void {
  if (engineIsRequired() && engineTestsAreOff()) {
    throw new Error('FLOTSAM_REQUIRE_ENGINE=1 and FLOTSAM_ENGINE_TESTS=off contradict each other')
  }
  const lines = engineTestsAreOff() ? [`  all: FLOTSAM_ENGINE_TESTS=off was asked for`] : missingEngines()
  if (lines.length === 0) return
  if (engineIsRequired()) {
    throw new Error(
      ['FLOTSAM_REQUIRE_ENGINE=1, but not every engine is here:', ...lines, howToGetEngines].join('\n'),
    )
  }
  process.stderr.write(
    [
      '',
      'SKIPPED: tests on real engines',
      ...lines,
      `  in ${testFiles().join(', ')}`,
      `  to run them: ${engineTestsAreOff() ? 'unset FLOTSAM_ENGINE_TESTS' : howToGetEngines}`,
      '',
      '',
    ].join('\n'),
  )
}

function missingEngines(): string[] {
  return kinds
    .map((kind) => ({ kind, missing: engineAvailability(kind).missing }))
    .filter(({ missing }) => missing.length > 0)
    .map(({ kind, missing }) => `  on ${kind}: needs ${missing.join(', ')}`)
}

function testFiles(): string[] {
  const directory = 'test/engine-real'
  return readdirSync(join(import.meta.dirname, '../engine-real'))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${directory}/${name}`)
}
