import type { FlotsamEvent } from '../../src/events.ts'
import type { ReconcilerOptions } from '../../src/options.ts'
import type { SelfTraces } from '../../src/self.ts'
import { type Agent, short } from './agent.ts'
import { ownerLabel, ownerValue } from './setting.ts'
import type { World } from './world.ts'

/** How the agent of this world embeds Flotsam. */
export function optionsFor({ log, self, setting }: World, agent: Agent): ReconcilerOptions {
  return {
    owner: { label: ownerLabel, value: ownerValue },
    tracked: setting.hasReady ? agent.tracked : { has: (id) => agent.tracked.has(id) },
    creationGrace: setting.creationGraceMs,
    restoreGrace: setting.restoreGraceMs,
    releaseGrace: setting.releaseGraceMs,
    recoveryGrace: setting.recoveryGraceMs,
    period: setting.periodMs,
    backoff: { min: '1s', max: setting.backoffMaxMs },
    filterListing: setting.filterListing,
    events: setting.events,
    maxConcurrentRemovals: setting.maxConcurrent,
    maxRemovalsPerLook: setting.maxPerLook,
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
    mountinfo: '',
    hostname: selfBy === 'hostname' ? id.slice(0, 12) : 'somewhere',
  }
}

/** An event in the words of a story. */
export function wordsOf(event: FlotsamEvent): string {
  const words = ['flotsam says', event.type]
  if ('id' in event) words.push(short(event.id))
  if ('about' in event) words.push(event.about)
  if ('verdict' in event) words.push(event.verdict)
  if ('reason' in event) words.push(event.reason)
  if ('message' in event) words.push(event.message)
  return words.join(' ')
}
