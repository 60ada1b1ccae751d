import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The slowest files of each project, slowest first. A slow file that starts last would run alone at the end. */
const slow: Readonly<Record<string, readonly string[]>> = {
  unit: [
    'cli/session/sweep.process',
    'sessions/redis-server',
    'testing/contract',
    'cli/process-end',
    'docs-commands',
    'cli/process',
    'inspector/connections',
    'fuzz/reconciler',
  ],
  engine: ['stuck', 'removal', 'podman', 'safety', 'contract', 'outage', 'events', 'adapter', 'self'].map(
    (name) => `engine-real/${name}`,
  ),
}

/** The order of vitest, which knows how long files took once it has seen them, but on a fresh machine it has not. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rank(one) - rank(other))
  }
}

function rank({ moduleId, project }: TestSpecification): number {
  const files = slow[project.name] ?? []
  const place = files.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
  return place === -1 ? files.length : place
}
