import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

const mostShown = 12
const longestLine = 300

/**
 * A reporter for Vitest that writes failures to the file FLOTSAM_FAILURES, two lines each: the full name of the test, or
 * of the file or suite that failed outside its tests, and the first line of its error.
 */
export default class FailuresReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const file = process.env.FLOTSAM_FAILURES
    if (!file) return
    const failures = testModules.flatMap((one) => [...failuresIn(one)])
    for (const error of unhandledErrors) failures.push({ name: 'outside of every file', errors: [error] })
    if (failures.length > 0) writeFileSync(file, `${linesOf(failures).join('\n')}\n`)
  }
}

function* failuresIn(testModule) {
  const file = relative(process.cwd(), testModule.moduleId)
  if (testModule.errors().length > 0)
    yield { name: `${file} (outside of its tests)`, errors: testModule.errors() }
  for (const suite of testModule.children.allSuites())
    if (suite.errors().length > 0)
      yield { name: `${file} > ${suite.fullName} (outside of its tests)`, errors: suite.errors() }
  for (const test of testModule.children.allTests('failed'))
    yield { name: `${file} > ${test.fullName}`, errors: test.result().errors ?? [] }
}

function linesOf(failures) {
  const shown = failures
    .slice(0, mostShown)
    .flatMap(({ name, errors }) => [name, `    ${firstLineOf(errors)}`])
  const more = failures.length - mostShown
  return more > 0 ? [...shown, `and ${more} more`] : shown
}

function firstLineOf([error]) {
  if (error === undefined) return 'no error was given'
  const text = `${error.name ?? 'Error'}: ${error.message ?? error}`
  return text.split('\n')[0].slice(0, longestLine)
}
