import type { ContainerSummary } from './engine/port.ts'

type Labels = Readonly<Record<string, string>>

/** A label that marks a container as the agent's own: with one exact value, or, said explicitly, with any. */
export type OwnerLabel =
  | { readonly label: string; readonly value: string; readonly anyValue?: false | undefined }
  | { readonly label: string; readonly anyValue: true; readonly value?: undefined }

/** What of a container tells whose it is. */
type Marked = Pick<ContainerSummary, 'labels' | 'names' | 'mountTargets'>

/** Whose a container is. The match is always made here, on our side of the engine. */
export interface Ownership {
  owns(container: Marked): boolean
  /** Whether what makes the container ours came with its image instead of having been put on the container itself. */
  cameWithImage(container: ContainerSummary, imageLabels: Labels): boolean
  /** What of the container tells whose it is, for people. */
  seen(container: ContainerSummary): string
  /** What an engine may be asked to filter by; undefined where no single label tells. */
  readonly filter: string | undefined
  /** The labels to put on a new container so that it is owned; undefined where the owner accepts any value. */
  readonly labels: Labels | undefined
}

/** Containers that bear one label, with one exact value where one is given. */
export function ownedByLabel(owner: OwnerLabel): Ownership {
  const { label, value } = owner
  return {
    owns: ({ labels }) => bears(labels, owner),
    cameWithImage: ({ labels }, imageLabels) =>
      Object.hasOwn(imageLabels, label) && imageLabels[label] === labels[label],
    seen: ({ labels }) => seenLabel(labels, owner),
    filter: value === undefined ? label : `${label}=${value}`,
    labels: value === undefined ? undefined : { [label]: value },
  }
}

/** The label that a Nomad client puts on each of its containers. */
export const nomadAllocationLabel = 'com.hashicorp.nomad.alloc_id'
const nomadName = /-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const nomadMounts = ['/alloc', '/local', '/secrets']

/**
 * Containers that a Nomad client started: those with its allocation label, and those from before the label existed, which
 * Nomad itself knows by their three mounts together with a name that ends in the allocation's UUID.
 *
 * A machine that runs two clients on one engine must tell them apart: `narrowedBy` is a further label that the container
 * has to bear as well.
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
    seen: (container) =>
      [
        byAllocation.owns(container) || !looksLikeOldNomad(container)
          ? byAllocation.seen(container)
          : "a name and mounts as Nomad's before it set labels",
        ...(byClient ? [byClient.seen(container)] : []),
      ].join('; '),
    filter: byClient?.filter,
    labels: undefined,
  }
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
