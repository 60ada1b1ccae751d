import type { Inspection } from '../../../src/domain/container.ts'
import type { ContainerId } from '../../../src/domain/ids.ts'
import type { Random } from '../random.ts'
import { type Body, networkModeOf } from './body.ts'

/** The writable layer of a container's root. */
export function layerOf(id: string): string {
  return `/var/lib/docker/overlay2/${id}/diff`
}

/** What an inspection says of a container: all that is true now. */
export function inspectionOf(body: Body, engineNowMs: number, saysInfra: boolean): Inspection {
  const modeOf = (space: string) => {
    const share = body.shares.find((one) => one.space === space)
    return share ? `container:${share.called}` : ''
  }
  const lookedUp = body.shares.find(({ holderId, isLookedUp }) => isLookedUp && holderId !== '')
  const cgroup = body.shares.find(({ space }) => space === 'cgroup')
  return {
    id: body.id as ContainerId,
    name: body.name,
    imageId: body.imageId,
    labels: body.labels,
    state: body.state,
    createdAtMs: body.createdAtMs,
    startedAtMs: body.startedAtMs,
    finishedAtMs: body.finishedAtMs,
    restoredAtMs: body.restoredAtMs,
    restartCount: body.restartCount,
    namespaces: {
      network: networkModeOf(body),
      pid: modeOf('pid'),
      ipc: modeOf('ipc'),
      uts: modeOf('uts'),
      cgroupParent: cgroup ? `/docker/${cgroup.holderId}` : '',
      dependencies: body.shares.filter(({ space }) => space === 'dependency').map(({ holderId }) => holderId),
    },
    isInfra: saysInfra ? body.isInfra : undefined,
    isAutoRemoved: body.isAutoRemoved,
    selfMarks: {
      hostnamePath: lookedUp ? `/var/lib/docker/containers/${lookedUp.holderId}/hostname` : '',
      hostsPath: '',
      resolvConfPath: '',
      upperDir: layerOf(body.id),
      mounts: [],
      mayMount: false,
    },
    engineNowMs: Math.floor(engineNowMs / 1000) * 1000,
  }
}

/** An inspection that says something else than it should. What it says of namespaces is left alone. */
export function disagreeing(inspection: Inspection, random: Random): Inspection {
  return {
    ...inspection,
    ...random.pick<Partial<Inspection>>([
      { labels: {} },
      // The same wrong name twice could not be detected without another source.
      { name: `another-${random.between(0, 999_999)}` },
      { imageId: 'sha256:another' },
      { state: 'unknown' },
      { createdAtMs: inspection.createdAtMs + 3_600_000 },
    ]),
  }
}
