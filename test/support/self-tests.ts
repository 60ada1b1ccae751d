import type { SelfTest } from '../../src/self/self-test.ts'

/** No container is the one that this process runs in. */
export const noSelf: SelfTest = { mayBeContained: false, suspects: () => false, judge: () => 'not-self' }

/** The container of that name, or whose id begins so. */
export function selfNamed(named: string | undefined): SelfTest {
  const isIt = (id: string, names: readonly string[]) =>
    named !== undefined && (id.startsWith(named) || names.includes(named))
  return {
    mayBeContained: named !== undefined,
    suspects: ({ id, names }) => isIt(id, names),
    judge: ({ id, name }) => (isIt(id, [name]) ? 'self' : 'not-self'),
  }
}
