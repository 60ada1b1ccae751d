import type { ContainerSummary } from '../../src/domain/container.ts'
import { fakeId, ownerLabel, ownerValue } from './fake-engine.ts'

/** One entry of a listing: a running container of the owner's, except for what a test cares for. */
export function summary(fields: Partial<ContainerSummary> = {}): ContainerSummary {
  const name = fields.name ?? fields.names?.[0] ?? 'task'
  return {
    id: fakeId(1),
    name,
    names: [name],
    image: 'busybox:test',
    imageId: 'sha256:busybox',
    platform: '',
    state: 'running',
    createdAtMs: undefined,
    labels: { [ownerLabel]: ownerValue },
    networkMode: 'bridge',
    mountTargets: [],
    ...fields,
  }
}
