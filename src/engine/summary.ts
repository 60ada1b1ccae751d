import type { ContainerSummary } from '../domain/container.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { AnswerError } from './failure.ts'
import { platformText } from './platform.ts'

/**
 * One entry of a listing, reduced to what the rules need. What an engine may leave out is empty or undefined; what has the
 * wrong shape throws an `AnswerError`, since a misread label or network could cost a container its protection. Then only
 * this entry is unknown; see `EntryReader`.
 */
export function toSummary(entry: unknown): ContainerSummary {
  return readSummary(entry, { share: (text) => text, labelsOf: allLabels })
}

/** What is kept of an entry. */
export interface Keeping {
  /** Gives one string for equal texts that many containers have in common. */
  readonly share: (text: string) => string
  /** The labels to keep of a container. */
  readonly labelsOf: LabelsOf
}

export type LabelsOf = (
  container: Pick<ContainerSummary, 'labels' | 'names' | 'mountTargets'>,
) => ContainerSummary['labels']

export const allLabels: LabelsOf = ({ labels }) => labels

export function readSummary(entry: unknown, { share, labelsOf }: Keeping): ContainerSummary {
  const fields = asRecord(entry)
  if (fields === undefined) throw new AnswerError('it is not an object')
  const id = parseContainerId(fields['Id'])
  if (id === undefined) throw new AnswerError('it lacks a full container id')
  const wrong = (field: string) => new AnswerError(`its ${field} have the wrong shape`)
  const imageId = readText(fields['ImageID'], 'ImageID', wrong)
  const names = readNames(fields['Names'], wrong)
  const labels = readLabels(fields['Labels'], () => wrong('Labels'))
  const mountTargets = readMountTargets(fields['Mounts'], wrong)
  return {
    id,
    name: names.find((name) => !name.includes('/')) ?? names[0] ?? '',
    names,
    image: share(readText(fields['Image'], 'Image', wrong)),
    imageId: share(imageId === noImage ? '' : imageId),
    hasNoImage: imageId === noImage ? true : undefined,
    platform: share(readPlatform(fields['ImageManifestDescriptor'], wrong)),
    state: share(readText(fields['State'], 'State', wrong)),
    createdAtMs: readCreatedAtMs(fields['Created']),
    labels: labelsOf({ labels, names, mountTargets }),
    networkMode: readNetworkMode(fields['HostConfig'], wrong),
    mountTargets,
    unreadable: undefined,
  }
}

/** The entry of a container of which only the id is known. */
export function unreadableSummary(id: ContainerId, why: string): ContainerSummary {
  return {
    id,
    name: '',
    names: [],
    image: '',
    imageId: '',
    hasNoImage: undefined,
    platform: '',
    state: '',
    createdAtMs: undefined,
    labels: noLabels,
    networkMode: '',
    mountTargets: [],
    unreadable: why,
  }
}

const noLabels = Object.freeze(Object.create(null)) as Readonly<Record<string, string>>

/** So Podman names the image of a container that was made from a folder, and of what holds a pod together. */
const noImage = 'sha256:'

type Wrong = (field: string) => AnswerError

function readText(value: unknown, field: string, wrong: Wrong): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw wrong(field)
  return value
}

function readNames(value: unknown, wrong: Wrong): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrong('Names')
  return value.map((name) => readText(name, 'Names', wrong).replace(/^\//, ''))
}

/** The last moment that a date can tell. */
const endOfTimeMs = 8.64e15

/** Years before 1970 stand for "never" in the engine's language, and a time beyond all calendars says nothing either. */
function readCreatedAtMs(value: unknown): number | undefined {
  if (typeof value !== 'number') return undefined
  const createdAtMs = value * 1_000
  return createdAtMs > 0 && createdAtMs <= endOfTimeMs ? createdAtMs : undefined
}

/** Labels without an inherited property, so that only labels that were set are found. */
export function readLabels(value: unknown, wrong: () => AnswerError): Readonly<Record<string, string>> {
  const labels = new Labels()
  if (value === undefined || value === null) return labels
  const given = asRecord(value)
  if (given === undefined) throw wrong()
  for (const [key, text] of Object.entries(given)) {
    if (typeof text !== 'string') throw wrong()
    labels[key] = text
  }
  return labels
}

/** Objects without a prototype take five times the memory: each has a hash table, and once frozen a hidden class. */
const Labels = function () {} as unknown as new () => Record<string, string>
Labels.prototype = Object.freeze(Object.create(null))

function readNetworkMode(value: unknown, wrong: Wrong): string {
  if (value === undefined || value === null) return ''
  const hostConfig = asRecord(value)
  if (hostConfig === undefined) throw wrong('HostConfig')
  return readText(hostConfig['NetworkMode'], 'NetworkMode', wrong)
}

/** Engines with the containerd image store say which of an image's manifests the container was made from. */
function readPlatform(descriptor: unknown, wrong: Wrong): string {
  if (descriptor === undefined || descriptor === null) return ''
  const fields = asRecord(descriptor)
  if (fields === undefined) throw wrong('ImageManifestDescriptor')
  return platformText(fields['platform'])
}

/** Of most containers. */
const noTargets: readonly string[] = Object.freeze([])

function readMountTargets(value: unknown, wrong: Wrong): readonly string[] {
  if (value === undefined || value === null) return noTargets
  if (!Array.isArray(value)) throw wrong('Mounts')
  if (value.length === 0) return noTargets
  const targets = value.map((mount) => readText(asRecord(mount)?.['Destination'], 'Mounts', wrong))
  return targets.filter((target) => target !== '')
}
