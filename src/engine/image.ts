import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Ask } from './exchange.ts'
import { AnswerError, StatusError } from './failure.ts'
import type { Wanted } from './member-picker.ts'
import { isSamePlatform, platformText, readPlatform } from './platform.ts'
import type { AskedImage } from './port.ts'
import { readLabels } from './summary.ts'

type Labels = Readonly<Record<string, string>>
type Fields = Readonly<Record<string, unknown>>

/**
 * positive-evidence: reads the labels of an image for the platform of a container. In the containerd image store an id may
 * cover several platforms; the engine responds for its host's unless the request names another.
 */
export async function askForImageLabels({ id, platform }: AskedImage, ask: Ask): Promise<Labels> {
  const path = `/images/${imagePath(id)}/json`
  const image = await readImage(await ask({ method: 'GET', path }))
  if (image['Id'] !== id) throw new AnswerError('the answer is about another image')
  if (platform === '') {
    if (mayCoverSeveral(image, id)) await expectOnePlatform(path, ask)
    return readImageLabels(image)
  }
  if (isForPlatform(image, platform)) return readImageLabels(image)
  const special = await askForPlatform(path, platform, ask)
  if (!standsFor(special, id)) throw new AnswerError('the answer is about another image')
  return readImageLabels(special)
}

const manifestTypes: ReadonlySet<unknown> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])

/** Whether the image is in the containerd image store, and is not certainly a single manifest. */
function mayCoverSeveral(image: Fields, id: string): boolean {
  const descriptor = asRecord(image['Descriptor'])
  if (descriptor !== undefined) return !manifestTypes.has(descriptor['mediaType'])
  // before API 1.48; in the other store an id is the digest of a configuration, and the driver is overlay2
  return hasDigest(image, id) || asRecord(image['GraphDriver'])?.['Name'] === 'overlayfs'
}

/** Throws unless the image is for one platform, which is then also that of the container. Before API 1.48 it is unknown. */
async function expectOnePlatform(path: string, ask: Ask): Promise<void> {
  const { Manifests } = await readImage(await ask({ method: 'GET', path, query: { manifests: true } }))
  const kinds = Array.isArray(Manifests) ? Manifests.map((manifest) => asRecord(manifest)?.['Kind']) : []
  const images = kinds.filter((kind) => kind !== 'attestation')
  if (images.length === 1 && images[0] === 'image') return
  throw new AnswerError(
    'the image may cover several platforms, and the engine does not return that of the container',
  )
}

/** Before API 1.49 the engine ignores the platform. */
async function askForPlatform(path: string, platform: string, ask: Ask): Promise<Fields> {
  const { os, architecture, variant } = readPlatform(platform)
  const wanted = { os, architecture, ...(variant === '' ? {} : { variant }) }
  const answer = await ask({ method: 'GET', path, query: { platform: wanted } })
  let image: Fields
  try {
    image = await readImage(answer)
  } catch (error) {
    // the image itself exists: the first request found it
    const isUnknown = error instanceof StatusError && (error.statusCode === 404 || error.statusCode === 400)
    if (isUnknown)
      throw new AnswerError(`the engine does not have the image for ${platform}`, { cause: error })
    throw error
  }
  if (isForPlatform(image, platform)) return image
  throw new AnswerError(
    `the engine has the image for ${platformOf(image)}, and the container is for ${platform}`,
  )
}

const wantedOfImage: Wanted = {
  Id: true,
  Os: true,
  Architecture: true,
  Variant: true,
  RepoDigests: true,
  Descriptor: true,
  RootFS: { Layers: true },
  Config: { Labels: true },
}

async function readImage(answer: Awaited<ReturnType<Ask>>): Promise<Fields> {
  const image = asRecord(await readJson(await expectStatus(answer, 200), wantedOfImage))
  if (image === undefined) throw new AnswerError('the answer is not an object')
  return image
}

/** For one platform, `Id` is that of its manifest, and the requested id is among the image's digests. */
function standsFor(image: Fields, id: string): boolean {
  if (image['Id'] === id || hasDigest(image, id)) return true
  // an untagged image has no digests, but has a descriptor
  return digestsOf(image).length === 0 && asRecord(image['Descriptor'])?.['digest'] === image['Id']
}

function hasDigest(image: Fields, id: string): boolean {
  return digestsOf(image).some((digest) => typeof digest === 'string' && digest.endsWith(`@${id}`))
}

function digestsOf({ RepoDigests }: Fields): readonly unknown[] {
  return Array.isArray(RepoDigests) ? RepoDigests : []
}

function platformOf(image: Fields): string {
  return platformText({ os: image['Os'], architecture: image['Architecture'], variant: image['Variant'] })
}

function isForPlatform(image: Fields, platform: string): boolean {
  return isSamePlatform(platformOf(image), platform)
}

/**
 * Reads the labels from a complete response. If the engine has lost the content of an image, it still responds, with almost
 * no fields: missing labels mean that there are none only if all other fields are present.
 */
export function readImageLabels(image: Fields): Labels {
  const layers = asRecord(image['RootFS'])?.['Layers']
  const missing = [
    ...(platformOf(image) === '' ? ['platform'] : []),
    ...(Array.isArray(layers) && layers.length > 0 ? [] : ['layers']),
    ...(asRecord(image['Config']) === undefined ? ['configuration'] : []),
  ]
  if (missing.length > 0) {
    const what = missing.join(' and ')
    throw new AnswerError(`the answer lacks the ${what} of the image; the engine may have lost its content`)
  }
  const wrong = () => new AnswerError('the labels of the image have the wrong shape')
  return readLabels(asRecord(image['Config'])?.['Labels'], wrong)
}

/** Keeps `:` and `/`, as in `registry:5000/name`: engines do not decode the path before they route it. */
function imagePath(imageId: string): string {
  if (!/^\w[\w.:@+-]*(\/[\w.:@+-]+)*$/.test(imageId) || /(^|\/)\.\.?(\/|$)/.test(imageId)) {
    throw new AnswerError('that is not the name of an image')
  }
  return imageId
}
