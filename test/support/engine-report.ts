import { type EngineUnderTest, wantedEngines } from './engine-matrix.ts'

/** One test that was to run on an engine. */
export interface ReportedTest {
  readonly engine: string
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending'
  readonly durationMs: number
}

/** Which engines a run had, and what came of the tests on each. */
export interface MatrixReport {
  readonly engines: readonly {
    readonly name: string
    readonly version: string
    readonly passed: number
    readonly failed: number
    readonly notRun: number
    readonly testsMs: number
  }[]
  /** The engines that the tests are meant for and that were not here, by name. */
  readonly missing: readonly MissingEngine[]
}

export type MissingEngine = (typeof wantedEngines)[number]

/** The engines that the tests are meant for and that are not here; with `asked`, only those among them. */
export function missingEngines(
  here: readonly EngineUnderTest[],
  asked: readonly string[] | undefined,
): readonly MissingEngine[] {
  return wantedEngines
    .filter(({ name }) => asked === undefined || asked.includes(name))
    .filter(({ name }) => !here.some((engine) => engine.name === name))
}

/** Counts what came of the tests on each engine. */
export function matrixReport(
  here: readonly EngineUnderTest[],
  missing: readonly MissingEngine[],
  tests: readonly ReportedTest[],
): MatrixReport {
  const engines = here.map(({ name, version }) => {
    const own = tests.filter(({ engine }) => engine === name)
    const [passed, failed] = (['passed', 'failed'] as const).map(
      (state) => own.filter((test) => test.state === state).length,
    ) as [number, number]
    const testsMs = Math.round(own.reduce((sum, { durationMs }) => sum + durationMs, 0))
    return { name, version, passed, failed, notRun: own.length - passed - failed, testsMs }
  })
  return { engines, missing }
}

/** The same for people, a line an engine. */
export function reportLines({ engines, missing }: MatrixReport): readonly string[] {
  const width = Math.max(...[...engines, ...missing].map(({ name }) => name.length))
  const versionWidth = Math.max(0, ...engines.map(({ version }) => version.length))
  const had = engines.map(({ name, version, passed, failed, notRun, testsMs }) => {
    const counts = [
      `${passed} passed`,
      failed > 0 && `${failed} FAILED`,
      notRun > 0 && `${notRun} did not run`,
    ]
    const said = counts.filter((count) => count !== false).join(', ')
    return `  ${name.padEnd(width)}  ${version.padEnd(versionWidth)}  ${said} in ${(testsMs / 1000).toFixed(0)} s`
  })
  const lacked = missing.map(
    ({ name, debian }) =>
      `  ${name.padEnd(width)}  NOT HERE: nothing is known of it; Debian ${debian} brings it`,
  )
  return ['The engines that the tests ran on:', ...had, ...lacked]
}
