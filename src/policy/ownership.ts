import type { ContainerSummary } from '../domain/container.ts'
import { parseImageId } from '../domain/ids.ts'
import { nomadAllocationLabel } from '../options/nomad.ts'
import { imageLabelOf, type OwnerLabel } from '../options/owner-label.ts'

type Labels = Readonly<Record<string, string>>

/** The properties of a container that determine its owner. */
type Marked = Pick<ContainerSummary, 'labels' | 'names' | 'mountTargets'>

/** Determines whether a container is owned. Matching is always done on our side, never by the engine's filter alone. */
export interface Ownership {
  owns(container: Marked): boolean
  /** Whether the owner label comes from the image rather than from the container itself. */
  cameWithImage(container: ContainerSummary, imageLabels: Labels): boolean
  /**
   * own-label: whether one of its labels proves by itself that its owner label does not come from its image. That label names
   * its image by id. An id is a digest of all that the image holds, its labels included, so no image can name itself.
   */
  isProven(container: ContainerSummary): boolean
  /** How containers with a common lifecycle are grouped; undefined if the owner does not group them. */
  readonly grouping?: Grouping
  /**
   * The value by which a container names another session; undefined for one of our own. Only owners with sessions have it.
   */
  readonly sessionOf?: (container: Marked) => string | undefined
  /** A human-readable description of why the container is or is not owned. */
  seen(container: ContainerSummary): string
  /** The label filter for engine requests; undefined if no single label determines ownership. */
  readonly filter: string | undefined
  /** The labels to set on a new container so that it is owned; undefined if the owner accepts any value. */
  readonly labels: Labels | undefined
  /** The label that proves the others of a container of that image. */
  proofFor(imageId: string): Labels
  /** The labels that determine who owns a container, and its group. */
  readonly marks: readonly string[]
}

/**
 * Returns the labels to remember of a container: all of an owned one's, but of a foreign one only those that show that it is
 * foreign.
 */
export function labelsToKeep(ownership: Ownership): (container: Marked) => Labels {
  const { grouping, marks } = ownership
  return (container) => {
    if (ownership.owns(container) || grouping?.isHelper(container)) return container.labels
    const found = marks.filter((mark) => Object.hasOwn(container.labels, mark))
    return found.length === 0 ? noLabels : labelsOf(found.map((mark) => [mark, container.labels[mark] ?? '']))
  }
}

function labelsOf(labels: readonly (readonly [string, string])[]): Labels {
  return Object.freeze(Object.assign(Object.create(null) as Labels, Object.fromEntries(labels)))
}

/** Of thousands of containers. */
const noLabels = labelsOf([])

/** Which containers form a group, and which of them are helpers. */
export interface Grouping {
  /** The container's group; undefined if it has none. */
  groupOf(container: Marked): string | undefined
  /** Whether it only holds a resource for its group and has no label of the owner's own. */
  isHelper(container: Marked): boolean
}

/** Ownership by one label, with an exact value if one is given. */
export function ownedByLabel(owner: OwnerLabel): Ownership {
  const { label, session, value } = owner
  const own = session?.id ?? value
  const imageLabel = imageLabelOf(owner)
  return {
    owns: ({ labels }) => bears(labels, owner),
    cameWithImage: ({ labels }, imageLabels) =>
      Object.hasOwn(imageLabels, label) && imageLabels[label] === labels[label],
    isProven: ({ imageId, labels }) => {
      const named = Object.hasOwn(labels, imageLabel) ? parseImageId(labels[imageLabel]) : undefined
      return named !== undefined && named === parseImageId(imageId)
    },
    ...(session || owner.leases
      ? { sessionOf: ({ labels }) => (labels[label] === own ? undefined : (labels[label] ?? '')) }
      : {}),
    seen: ({ labels }) => seenLabel(labels, owner),
    filter: value === undefined ? label : `${label}=${value}`,
    labels: own === undefined ? undefined : { [label]: own },
    proofFor: (imageId) => ({ [imageLabel]: imageId }),
    marks: [label],
  }
}

const nomadName = /-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const nomadMounts = ['/alloc', '/local', '/secrets']

/**
 * Ownership of containers started by a Nomad client: those with its allocation label and, from before that label existed,
 * those that Nomad itself recognizes by three mounts and a name ending in the allocation's UUID.
 *
 * If two clients share one engine, `narrowedBy` distinguishes them: an additional label that the container must have.
 */
export function ownedByNomad(narrowedBy?: OwnerLabel): Ownership {
  const byAllocation = ownedByLabel({ label: nomadAllocationLabel, anyValue: true })
  const byClient = narrowedBy && ownedByLabel(narrowedBy)
  const isNomads = (container: Marked) => byAllocation.owns(container) || looksLikeOldNomad(container)
  return {
    owns: (container) => isNomads(container) && (byClient?.owns(container) ?? true),
    cameWithImage: (container, imageLabels) =>
      byAllocation.cameWithImage(container, imageLabels) ||
      (byClient?.cameWithImage(container, imageLabels) ?? false),
    // Its driver names no image.
    isProven: () => false,
    seen: (container) =>
      [
        byAllocation.owns(container) || !looksLikeOldNomad(container)
          ? byAllocation.seen(container)
          : "a name and mounts as Nomad's before it set labels",
        ...(byClient ? [byClient.seen(container)] : []),
      ].join('; '),
    grouping: allocations,
    // Pause containers of allocations do not have the client's label.
    filter: undefined,
    labels: undefined,
    proofFor: () => noLabels,
    marks: [...byAllocation.marks, ...(byClient?.marks ?? [])],
  }
}

const nomadPause = /^nomad_init_[0-9a-f-]{36}$/

/** An allocation's pause container holds the network of its tasks; Nomad sets only the allocation label on it. */
const allocations: Grouping = {
  groupOf: ({ labels }) =>
    Object.hasOwn(labels, nomadAllocationLabel) ? labels[nomadAllocationLabel] : undefined,
  isHelper: ({ names }) => names.some((name) => nomadPause.test(name)),
}

function bears(labels: Labels, { label, value }: OwnerLabel): boolean {
  return Object.hasOwn(labels, label) && (value === undefined || labels[label] === value)
}

function seenLabel(labels: Labels, { label, value }: OwnerLabel): string {
  if (!Object.hasOwn(labels, label)) return `no label ${label}`
  const wanted = value === undefined || labels[label] === value ? '' : `, and not ${value}`
  return `label ${label}=${labels[label]}${wanted}`
}

function looksLikeOldNomad({ names, mountTargets }: Marked): boolean {
  return (
    nomadMounts.every((target) => mountTargets.includes(target)) && names.some((name) => nomadName.test(name))
  )
}
