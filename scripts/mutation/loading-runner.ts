import { test, TestRunner } from 'vitest'

/**
 * A file that cannot be loaded has no tests, and so none that fails: Stryker would count the change that prevents it as not
 * detected. Here it has a failing one.
 */
export default class LoadingRunner extends TestRunner {
  override async importFile(path: string, source: 'collect' | 'setup'): Promise<unknown> {
    try {
      return await super.importFile(path, source)
    } catch (error) {
      if (source === 'setup') throw error
      return test('the file can be loaded', () => {
        throw error
      })
    }
  }
}
