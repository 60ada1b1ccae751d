import type { FlotsamEvent } from '../../src/domain/events.ts'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import type { SelfTraces } from '../../src/self/traces.ts'
import { type Agent, short } from './agent.ts'
import { layerOf } from './engine/inspection.ts'
import { isKeptAsSet, ownerLabel, ownerValue } from './setting.ts'
import type { Process } from './timeline.ts'
import type { World } from './world.ts'

/** How the agent of this world embeds Flotsam. */
export function optionsFor(
  { log, self, sessions, setting }: World,
  agent: Agent,
  process: Process,
): ReconcilerOptions {
  return {
    owner: setting.hasSessions
      ? { label: ownerLabel, session: sessions.sessionFor(process) }
      : { label: ownerLabel, value: ownerValue },
    tracked: setting.hasReady
      ? agent.tracked
      : isKeptAsSet(setting)
        ? agent.keys
        : { has: (id, container) => agent.tracked.has(id, container) },
    creationGrace: setting.creationGraceMs,
    restoreGrace: setting.restoreGraceMs,
    releaseGrace: setting.releaseGraceMs,
    recoveryGrace: setting.recoveryGraceMs,
    sessionGrace: setting.sessionGraceMs,
    period: setting.periodMs,
    backoff: { min: '1s', max: setting.backoffMaxMs },
    filterListing: setting.filterListing,
    events: setting.events,
    maxConcurrentRemovals: setting.maxConcurrent,
    maxRemovalsPerScan: setting.maxPerScan,
    maxDanglingShare: setting.maxShare,
    stopTimeout: setting.stopTimeoutMs,
    dryRun: setting.dryRun,
    states: setting.states,
    logger: log.logger,
    ...(setting.hasHook ? { beforeRemove: agent.beforeRemove } : {}),
    ...(setting.selfBy === 'name' ? { self: self.name } : {}),
  }
}

/** What the agent's process can read of the container that it runs in. */
export function tracesOf({ self: { id }, setting: { selfBy } }: World): SelfTraces {
  return {
    cgroup: selfBy === 'cgroup' ? `0::/docker/${id}\n` : '0::/\n',
    mountinfo:
      selfBy === 'layer'
        ? `100 99 0:50 / / rw - overlay overlay rw,lowerdir=/l,upperdir=${layerOf(id)},workdir=/w\n`
        : selfBy === 'cgroup'
          ? `100 99 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda rw\n`
          : '',
    cgroupNamespace: selfBy === 'layer' ? 'cgroup:[4026532000]' : 'cgroup:[4026531835]',
    pidNamespace: 'pid:[4026531836]',
    hasMarkerFile: false,
    containerVariable: '',
    containerManager: '',
    firstMountinfo: '',
    firstCgroup: '',
    firstName: '',
    pids: '',
    hostname: '',
    isStartedBySystemd: false,
  }
}

/** An event as a line of the run's log. */
export function wordsOf(event: FlotsamEvent): string {
  const words = ['flotsam says', event.type]
  if ('id' in event) words.push(short(event.id))
  if ('about' in event) words.push(event.about)
  if ('verdict' in event) words.push(event.verdict)
  if ('reason' in event) words.push(event.reason)
  if ('message' in event) words.push(event.message)
  return words.join(' ')
}
