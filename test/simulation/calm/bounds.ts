import { type Body, coveredAs, hasEnded } from '../engine/body.ts'
import {
  isFromImage,
  isKept,
  isMistakable,
  isOfEndedSession,
  isOrchestrated,
  isOurs,
  isProven,
} from '../safety/life.ts'
import type { Setting } from '../setting.ts'
import type { World } from '../world.ts'

export type Fail = (rule: string, message: string) => void

export const second = 1000
const minute = 60 * second
/** How soon what dangles is removed. */
export const promptMs = 5 * second
/** How long a removal keeps its slot. */
export const placeMs = 5 * second
/** A listing's deadline at its longest, and a removal's. */
export const longestListingMs = 60 * second
export const longestRemovalMs = 120 * second
/** Creation times and the engine's Date are whole seconds each, and a scan takes its time. */
export const clockErrorMs = 3 * second
/** After this long every failed question is asked again. */
export const askAgainMs = 62 * second
/** How long a failed removal waits, by how often it failed. */
const retriesMs = [0, 1, 5, 30, 120, 240, 480, 900].map((seconds) => seconds * second)

export function longestGraceMs(setting: Setting): number {
  const { creationGraceMs, hasSessions, restoreGraceMs, releaseGraceMs, recoveryGraceMs, sessionGraceMs } =
    setting
  // Sessions that ended together wait twice as long, and reconcilers take turns.
  const longestSessionMs = hasSessions ? 2 * sessionGraceMs + minute : 0
  return Math.max(creationGraceMs, restoreGraceMs, releaseGraceMs, longestSessionMs) + recoveryGraceMs
}

/** How long the agent's hook and a graceful end may take. */
export function consultingMs({ hasHook, stopTimeoutMs }: Setting): number {
  return (hasHook ? 3 * second : 0) + stopTimeoutMs
}

/** What its failures until now may add. */
export function retryMs({ safety, setting }: World, { id }: Body): number {
  const failures = safety.failuresOf(id)
  if (failures === 0) return 0
  const { stopTimeoutMs } = setting
  // One that was in progress when calm began may still fail.
  const underWayMs = Math.max(
    Math.min(longestRemovalMs, 30 * second * 2 ** failures),
    stopTimeoutMs > 0 ? stopTimeoutMs + 15 * second : 0,
  )
  return underWayMs + (retriesMs[failures] ?? retriesMs.at(-1) ?? 0)
}

/** Whether anything may be removed there at all. */
export function mayRemove({ dryRun, maxShare }: Setting): boolean {
  return !dryRun && maxShare === undefined
}

/** The containers that must be removed eventually, by the true state. */
export function danglingOf(world: World): readonly Body[] {
  const { engine, setting } = world
  const states: readonly string[] = setting.states
  const leaks = new Set(world.leaks)
  const hasRead = ({ imageId }: Body) => world.safety.life?.readImages.has(imageId) === true
  const isRemovable = (body: Body) =>
    ((leaks.has(body) && isOurs(body)) || (isOfEndedSession(body, world) && !world.agent.tracks(body))) &&
    !isKept(body) &&
    !body.isInfra &&
    !isOrchestrated(body) &&
    // One whose image is gone, and was never seen by this process, is left to a person.
    (isProven(body) || engine.images.has(body.imageId) || hasRead(body)) &&
    !isFromImage(body, engine) &&
    !isMistakable(body, engine)
  const isProtected = (holder: Body): boolean =>
    engine.alive.some(
      (guest) =>
        guest.shares.some(({ holderId }) => holderId === holder.id) &&
        ((!goes(guest) && !(isRemovable(guest) && hasEnded(guest))) || isProtected(guest)),
    )
  // Whose holder cannot be found keeps whatever is older than its last start by the engine's clock, and the log says what to do.
  const mayBeHeld = (body: Body): boolean =>
    engine.alive.some(
      (guest) =>
        !hasEnded(guest) &&
        (guest.startedAtMs ?? guest.createdAtMs) >= body.createdAtMs - second &&
        guest.shares.some(({ called }) => isUnowned(called, guest.startedAtMs)),
    )
  const isUnowned = (called: string, byMs = Infinity): boolean =>
    !/^[0-9a-f]{64}$/.test(called) &&
    !engine.alive.some(
      ({ createdAtMs, id, name }) =>
        createdAtMs <= byMs + second && (name === called || id.startsWith(called)),
    )
  const goes = (body: Body): boolean =>
    isRemovable(body) && !mayBeHeld(body) && states.includes(coveredAs(body.state)) && !isProtected(body)
  return engine.alive.filter(goes)
}
