import type { Body } from '../engine/body.ts'
import { isInfra, isKept, isOurs, isPerhapsFromImage } from '../safety/life.ts'
import type { Setting } from '../setting.ts'
import type { World } from '../world.ts'

export type Fail = (rule: string, message: string) => void

export const second = 1000
/** How soon what dangles is removed. */
export const promptMs = 5 * second
/** How long a removal keeps its place. */
export const placeMs = 5 * second
/** A listing's deadline at its longest, and a removal's. */
export const longestListingMs = 60 * second
export const longestRemovalMs = 120 * second
/** Creation times and the engine's Date are whole seconds each, and a look takes its time. */
export const clockErrorMs = 3 * second
/** After this long everything that was asked in vain is asked again. */
export const askAgainMs = 62 * second
/** How long a failed removal waits, by how often it failed. */
const retriesMs = [0, 1, 5, 30, 120, 240, 480, 900].map((seconds) => seconds * second)

export function longestGraceMs(setting: Setting): number {
  const { creationGraceMs, restoreGraceMs, releaseGraceMs, recoveryGraceMs } = setting
  return Math.max(creationGraceMs, restoreGraceMs, releaseGraceMs) + recoveryGraceMs
}

/** How long the agent's hook and a graceful end may take. */
export function consultingMs({ hasHook, stopTimeoutMs }: Setting): number {
  return (hasHook ? 3 * second : 0) + stopTimeoutMs
}

/** What its failures until now may add. */
export function retryMs({ safety }: World, { id }: Body): number {
  const failures = safety.failuresOf(id)
  return failures === 0 ? 0 : longestRemovalMs + (retriesMs[failures] ?? retriesMs.at(-1) ?? 0) + 60 * second
}

/** Whether anything may be removed there at all. */
export function mayRemove({ dryRun, maxShare }: Setting): boolean {
  return !dryRun && maxShare === undefined
}

/** What is surely to be removed some time, by what truly is. */
export function danglingOf(world: World): readonly Body[] {
  const { engine, setting } = world
  const states: readonly string[] = setting.states
  const leaks = new Set(world.leaks)
  const isRemovable = (body: Body) =>
    leaks.has(body) && isOurs(body) && !isKept(body) && !isInfra(body) && !isPerhapsFromImage(body, engine)
  const hasEnded = ({ state }: Body) => state === 'exited' || state === 'dead'
  const isProtected = (holder: Body): boolean =>
    engine.alive.some(
      (guest) =>
        guest.holderId === holder.id &&
        ((!goes(guest) && !(isRemovable(guest) && hasEnded(guest))) || isProtected(guest)),
    )
  const goes = (body: Body): boolean => isRemovable(body) && states.includes(body.state) && !isProtected(body)
  return engine.alive.filter(goes)
}
