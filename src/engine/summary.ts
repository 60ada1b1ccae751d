import type { ContainerSummary } from '../domain/container.ts'
import { parseContainerId } from '../domain/ids.ts'
import { AnswerError } from './failure.ts'
import { platformText } from './platform.ts'
import { asRecord } from './record.ts'

/**
 * One entry of a listing, reduced to what the rules need. What an engine may leave out is empty or undefined; what has the
 * wrong shape throws an `AnswerError`, since a misread label or network could cost a container its protection.
 */
export function toSummary(entry: unknown): ContainerSummary {
  return readSummary(entry, (text) => text)
}

/** The same, where `share` gives one string for equal texts that many containers have in common. */
export function readSummary(entry: unknown, share: (text: string) => string): ContainerSummary {
  const fields = asRecord(entry)
  if (fields === undefined) throw new AnswerError('an entry of the listing is not an object')
  const id = parseContainerId(fields['Id'])
  if (id === undefined) throw new AnswerError('an entry of the listing lacks a full container id')
  const wrong = (field: string) => new AnswerError(`the ${field} of container ${id} have the wrong shape`)
  const imageId = readText(fields['ImageID'], 'ImageID', wrong)
  const names = readNames(fields['Names'], wrong)
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
    labels: readLabels(fields['Labels'], () => wrong('Labels')),
    networkMode: readNetworkMode(fields['HostConfig'], wrong),
    mountTargets: readMountTargets(fields['Mounts'], wrong),
  }
}

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

/** Labels without a prototype, so that no label is found that nobody set. */
export function readLabels(value: unknown, wrong: () => AnswerError): Readonly<Record<string, string>> {
  const labels = Object.create(null) as Record<string, string>
  if (value === undefined || value === null) return labels
  const given = asRecord(value)
  if (given === undefined) throw wrong()
  for (const [key, text] of Object.entries(given)) {
    if (typeof text !== 'string') throw wrong()
    labels[key] = text
  }
  return labels
}

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

function readMountTargets(value: unknown, wrong: Wrong): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrong('Mounts')
  const targets = value.map((mount) => readText(asRecord(mount)?.['Destination'], 'Mounts', wrong))
  return targets.filter((target) => target !== '')
}
