import type { ContainerSummary, Inspection } from '../domain/container.ts'
import { coveredAs, lifeOf } from '../domain/states.ts'
import type { Objection } from '../domain/verdict.ts'
import type { SelfVerdict } from '../self/self-test.ts'

/** A container as shown by a listing and by its inspection. */
export interface Confirming {
  readonly listed: ContainerSummary
  readonly inspection: Inspection
  readonly self: SelfVerdict
  /** The states that the policy covers; undefined if our own removal stopped it, since any state then qualifies. */
  readonly states: ReadonlySet<string> | undefined
  /** For how long its inspections have said that it is being removed, by our own clock; 0 without a history. */
  readonly beingRemovedForMs?: number
}

/**
 * eventually-removed: an engine may say forever that a container is being removed, because it was killed in the middle of the
 * removal. After this time the container is judged like one whose removal failed. If it is being removed indeed, the engine
 * refuses a second removal, or lets it wait for the first.
 */
export const removalMayTakeMs = 5 * 60_000

/**
 * second-source: returns the reason against a removal that the inspection found; undefined if it confirms the listing.
 * Pure.
 */
export function objectionTo({
  listed,
  inspection,
  self,
  states,
  beingRemovedForMs = 0,
}: Confirming): Objection | undefined {
  if (self !== 'not-self') return self === 'self' ? 'self' : 'self-unknown'
  if (inspection.isInfra ?? looksLikeInfra(listed)) return 'infra-container'
  const isBeingRemoved = isRemovalUnderWay(inspection)
  const isCovered = states?.has(isBeingRemoved ? 'dead' : coveredAs(inspection.state)) ?? true
  // An outdated listing may still show a container as running after we stopped it.
  const isInLife = (!states && lifeOf(inspection.state) === 'ended') || livesAgree(listed, inspection)
  if (!isCovered || !isInLife || !agrees(listed, inspection)) return 'inspection-disagrees'
  return states && isBeingRemoved && beingRemovedForMs < removalMayTakeMs ? 'being-removed' : undefined
}

/** An engine whose removal has failed says `dead` in an inspection, whatever its listing says. */
export function isRemovalUnderWay({ state }: Pick<Inspection, 'state'>): boolean {
  return state === 'removing'
}

function livesAgree({ state }: ContainerSummary, inspection: Inspection): boolean {
  return lifeOf(state) === lifeOf(inspection.state)
}

const podmanInfraName = /^([0-9a-f]{12})-infra$/

function looksLikeInfra({ names }: ContainerSummary): boolean {
  return names.some((name) => podmanInfraName.test(name))
}

/** Podman names a pod's infra container after the pod's id, unless another name was given; then undefined. */
export function podOf({ name }: Pick<ContainerSummary, 'name'>): string | undefined {
  return podmanInfraName.exec(name)?.[1]
}

/** Creation times in listings have a resolution of one second. */
const creationErrorMs = 1000

/**
 * Completes a listing's entry that has no name with the name from the inspection. Otherwise a tracker keyed by name would
 * not recognize the container.
 */
export function namedBy(listed: ContainerSummary, { name }: Pick<Inspection, 'name'>): ContainerSummary {
  return listed.names.length > 0 || name === '' ? listed : { ...listed, name, names: [name] }
}

/** Whether listing and inspection agree on the container's identity; its state may differ. */
export function agrees(listed: ContainerSummary, inspection: Inspection): boolean {
  const { createdAtMs, labels, namespaces } = inspection
  return (
    inspection.id === listed.id &&
    (listed.names.length === 0 || listed.names.includes(inspection.name)) &&
    isSameImage(listed, inspection) &&
    areSame(listed.labels, labels) &&
    (listed.createdAtMs === undefined || Math.abs(createdAtMs - listed.createdAtMs) <= creationErrorMs) &&
    (listed.networkMode === '' || listed.networkMode === namespaces.network)
  )
}

/** own-label: that there is no image must be said by both, since then every label is the container's own. */
function isSameImage({ hasNoImage, imageId }: ContainerSummary, inspection: Inspection): boolean {
  const isOmitted = imageId === '' && !hasNoImage
  return isOmitted || bare(inspection.imageId) === bare(imageId)
}

function bare(imageId: string): string {
  return imageId.replace(/^sha256:/, '')
}

function areSame(some: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(some)
  return (
    keys.length === Object.keys(others).length &&
    keys.every((key) => Object.hasOwn(others, key) && some[key] === others[key])
  )
}

/** After more starts by its restart policy, a container is in a crash loop. */
const startsByPolicy = 3

/** The last start of a container. */
export interface LastStart {
  /** A number that no other start of the container has. */
  readonly id: number
  /** Its time by the engine's clock; undefined if unknown. */
  readonly atMs: number | undefined
  /** Its restart policy keeps starting it. A creation grace after each start would never end. */
  readonly isInCrashLoop: boolean
}

/**
 * new-again: returns the last start; undefined if the container never started.
 *
 * Podman restores a checkpoint without setting the time of the start. Only its own API returns that of the restore, which
 * is the earlier of the two if the engine's clock was set back in between.
 */
export function lastStartOf(inspection: Inspection): LastStart | undefined {
  const { startedAtMs = 0, finishedAtMs = 0, restoredAtMs = 0, restartCount } = inspection
  const atMs = Math.max(startedAtMs, restoredAtMs)
  // One of these times changes with each start, also after the engine's clock was set back.
  const id = startedAtMs + restoredAtMs
  if (finishedAtMs > atMs && runs.has(inspection.state))
    return { id: id + finishedAtMs, atMs: undefined, isInCrashLoop: false }
  if (atMs === 0) return undefined
  const isRestored = restoredAtMs > startedAtMs
  return { id, atMs, isInCrashLoop: !isRestored && restartCount > startsByPolicy }
}

/** States in which the last start is later than the last exit. A container that is `restarting` waits for its start. */
const runs: ReadonlySet<string> = new Set(['running', 'paused'])
