import { findBinary } from '../../support/engine-availability.ts'

/** The program of a store, or undefined if it is missing here and the tests that need it are skipped. */
export function findStore(program: string, variable: string, debianPackage: string): string | undefined {
  const found = findBinary(program)
  if (found !== undefined) return found
  const advice = `apt-get install ${debianPackage}`
  if (process.env[variable] === '1') throw new Error(`${variable}=1, but there is no ${program}: ${advice}`)
  process.stderr.write(
    `\nSKIPPED: tests on a real ${program}, which is missing\n  to run them: ${advice}\n\n`,
  )
  return undefined
}
