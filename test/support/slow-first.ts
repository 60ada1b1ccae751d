import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The slowest files, slowest first. A slow file that starts last would run alone at the end. */
const slow = ['stuck', 'removal', 'podman', 'safety', 'contract', 'outage', 'events', 'adapter', 'self']

/** The order of vitest, which knows how long files took once it has seen them, but on a fresh machine it has not. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rank(one) - rank(other))
  }
}

function rank({ moduleId, project }: TestSpecification): number {
  const place = project.name === 'engine' ? slow.indexOf(basename(moduleId, '.test.ts')) : -1
  return place === -1 ? slow.length : place
}
