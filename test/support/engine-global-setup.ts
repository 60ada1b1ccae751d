import { writeFileSync } from 'node:fs'
import type { TestCase, TestProject } from 'vitest/node'
import {
  engineIsRequired,
  engineTestsAreOff,
  howToGetEngines,
  howToUnpackEngines,
  missingForAnyEngine,
} from './engine-availability.ts'
import { askedEngines, engineOfSuite, enginesToRun, findEngines, installedDebian } from './engine-matrix.ts'
import { beginRunOfEngines, enginesOfRunEnd } from './engine-process.ts'
import {
  matrixReport,
  type MissingEngine,
  missingEngines,
  type ReportedTest,
  reportLines,
} from './engine-report.ts'

/**
 * Says before the tests, where every reporter shows it, which real engines they will do without: a suite that is skipped
 * cannot say so itself, since reporters hide what it prints. Says after them what came of each engine; with
 * FLOTSAM_ENGINE_REPORT=FILE that is written to the file too, as JSON.
 */
export default function setUpEngines(project: TestProject): (() => Promise<void>) | undefined {
  if (engineTestsAreOff()) {
    if (engineIsRequired()) {
      throw new Error('FLOTSAM_REQUIRE_ENGINE=1 and FLOTSAM_ENGINE_TESTS=off contradict each other')
    }
    say(['SKIPPED: tests on real engines: FLOTSAM_ENGINE_TESTS=off was asked for'])
    return undefined
  }
  const missing = missingEngines(findEngines(), askedEngines())
  refuseWhatCannotBe(missing)
  if (missing.length > 0)
    say([`SKIPPED: tests on ${namesOf(missing)}`, `  to run them: ${howToGet(missing)}`])
  beginRunOfEngines()
  return async () => {
    const report = matrixReport(enginesToRun(), missing, [...engineTests(project)])
    say(reportLines(report))
    const file = process.env['FLOTSAM_ENGINE_REPORT']
    if (file) writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`)
    await enginesOfRunEnd()
  }
}

function refuseWhatCannotBe(missing: readonly MissingEngine[]): void {
  const asked = askedEngines()
  const absent = asked?.filter((name) => !findEngines().some((engine) => engine.name === name)) ?? []
  if (absent.length > 0) {
    throw new Error(
      `FLOTSAM_ENGINES names what is not here: ${absent.join(', ')}; here are ${namesOf(findEngines())}`,
    )
  }
  if (engineIsRequired() && missing.some(({ isRequired }) => isRequired)) {
    throw new Error(
      `FLOTSAM_REQUIRE_ENGINE=1, but these are missing: ${namesOf(missing)}\n${howToGet(missing)}`,
    )
  }
}

function namesOf(engines: readonly { readonly name: string }[]): string {
  return engines.map(({ name }) => name).join(', ')
}

/** How to get the missing ones: what is installed comes otherwise than what is unpacked. */
function howToGet(missing: readonly MissingEngine[]): string {
  const lacks = missingForAnyEngine()
  if (lacks.length > 0) return `every engine needs ${lacks.join(', ')}: ${howToGetEngines}`
  const isInstalled = missing.some(({ debian }) => debian === installedDebian)
  const isUnpacked = missing.some(({ debian }) => debian !== installedDebian)
  return [isInstalled && howToGetEngines, isUnpacked && howToUnpackEngines].filter(Boolean).join('; ')
}

function* engineTests(project: TestProject): Generator<ReportedTest> {
  for (const testModule of project.vitest.state.getTestModules()) {
    if (testModule.project !== project) continue
    for (const test of testModule.children.allTests()) {
      const engine = engineOfTest(test)
      if (engine === undefined) continue
      yield { engine, state: test.result().state, durationMs: test.diagnostic()?.duration ?? 0 }
    }
  }
}

/** The outermost suite that names one. */
function engineOfTest(test: TestCase): string | undefined {
  let engine: string | undefined
  let at = test.parent
  while (at.type === 'suite') {
    engine = engineOfSuite(at.name) ?? engine
    at = at.parent
  }
  return engine
}

function say(lines: readonly string[]): void {
  process.stderr.write(`\n${lines.join('\n')}\n\n`)
}
