import { describe, expect, it } from 'vitest'
import {
  chosenEngines,
  engineOfSuite,
  type EngineUnderTest,
  everyDockerd,
  everyEngine,
  everyPodman,
  nameOf,
  oldestAndNewest,
  suiteTitle,
  wantedEngines,
} from './engine-matrix.ts'
import { matrixReport, missingEngines, reportLines } from './engine-report.ts'

const here: readonly EngineUnderTest[] = wantedEngines.map(({ name, kind }) => ({
  name,
  kind,
  version: `1.2.3+${name}`,
  folder: undefined,
  imageStore: undefined,
}))
const namesOf = (engines: readonly { readonly name: string }[]) => engines.map(({ name }) => name)

describe('the names of engines', () => {
  it.each([
    ['dockerd', '20.10.24+dfsg1', 'dockerd-20.10'],
    ['dockerd', '26.1.5+dfsg1', 'dockerd-26'],
    ['dockerd', '29.0.1', 'dockerd-29'],
    ['podman', '4.3.1', 'podman-4'],
    ['podman', '5.4.2', 'podman-5.4'],
    ['podman', '5.10.0', 'podman-5.10'],
  ] as const)('%s %s is %s', (kind, version, name) => {
    expect(nameOf(kind, version)).toBe(name)
  })

  it('the title of a suite says which engine it runs on, and can be read back', () => {
    expect(engineOfSuite(suiteTitle('fresh-scan', 'podman-5.4'))).toBe('podman-5.4')
    expect(engineOfSuite('a list [1] of things')).toBeUndefined()
  })
})

describe('a choice of engines', () => {
  it.each([
    ['a kind is its oldest', 'dockerd', ['dockerd-20.10']],
    ['every engine', everyEngine, namesOf(here)],
    ['every Podman', everyPodman, ['podman-4', 'podman-5.4', 'podman-5.8']],
    ['the oldest and the newest', oldestAndNewest('dockerd'), ['dockerd-20.10', 'dockerd-28-containerd']],
    ['names', ['podman-5.8', 'podman-9'], ['podman-5.8']],
  ] as const)('%s', (_, choice, names) => {
    expect(namesOf(chosenEngines(choice, here))).toEqual(names)
  })

  it('the oldest and the newest coincide if there is one, and are empty if there is none', () => {
    expect(namesOf(oldestAndNewest('podman')(here.slice(0, 5)))).toEqual(['podman-4'])
    expect(oldestAndNewest('podman')(everyDockerd(here))).toEqual([])
  })
})

describe('the report of the engines', () => {
  const without28 = here.filter(({ name }) => !name.includes('28'))

  it('counts the results of the tests on each engine, and nothing twice', () => {
    const tests = [
      { engine: 'dockerd-26', state: 'passed', durationMs: 1200.4 },
      { engine: 'dockerd-26', state: 'failed', durationMs: 800 },
      { engine: 'dockerd-26', state: 'skipped', durationMs: 0 },
      { engine: 'podman-4', state: 'passed', durationMs: 5 },
    ] as const
    const report = matrixReport(here.slice(1, 2), [], tests)
    expect(report.engines).toEqual([
      { name: 'dockerd-26', version: '1.2.3+dockerd-26', passed: 1, failed: 1, notRun: 1, testsMs: 2000 },
    ])
    expect(reportLines(report).join('\n')).toContain('1 passed, 1 FAILED, 1 did not run in 2 s')
  })

  it('names missing engines, and which of them are required', () => {
    const missing = missingEngines(without28, undefined)
    expect(namesOf(missing)).toEqual(['dockerd-28', 'dockerd-28-containerd'])
    expect(missing.some(({ isRequired }) => isRequired)).toBe(false)
    expect(missingEngines([], undefined).filter(({ isRequired }) => isRequired)).toHaveLength(4)
    expect(
      reportLines(matrixReport(without28, missing, [])).filter((line) => line.includes('NOT HERE')),
    ).toHaveLength(2)
  })

  it('an engine that was not requested is not missing', () => {
    expect(missingEngines(without28, ['podman-4'])).toEqual([])
    expect(namesOf(missingEngines(without28, ['dockerd-28']))).toEqual(['dockerd-28'])
  })
})
