import { dataRoot } from '../containers.ts'
import type { Volume } from '../model.ts'
import { timestamp } from './view.ts'

export function volumeShape(volume: Volume): object {
  return {
    CreatedAt: timestamp(volume.createdAtMs),
    Driver: 'local',
    Labels: Object.keys(volume.labels).length === 0 ? null : volume.labels,
    Mountpoint: `${dataRoot}/volumes/${volume.name}/_data`,
    Name: volume.name,
    Options: null,
    Scope: 'local',
  }
}

/** The answer of Podman's own API about a volume. */
export function libpodVolumeShape(volume: Volume): object {
  return { ...volumeShape(volume), ...(volume.isAnonymous ? { Anonymous: true } : {}) }
}
