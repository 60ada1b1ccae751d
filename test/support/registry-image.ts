import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { packBusybox } from './engine-image.ts'

/** A blob or a manifest, as a registry holds it. */
export interface Content {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Buffer
}

/** A layer: what an engine calls the same layer has the same `diffId`, however it is compressed. */
export interface Layer extends Content {
  readonly diffId: string
}

/** One image for one platform; all of it but the layers can be left out. */
export interface ImageRequest {
  readonly layers: readonly Layer[]
  readonly labels?: Readonly<Record<string, string>>
  readonly architecture?: string
}

/** An image with everything that it consists of; the first is its manifest, or its index. */
export type ImageContents = readonly [Content, ...Content[]]

const oci = 'application/vnd.oci.image'
/** As the engines of this machine call its processor. */
export const ownArchitecture = ({ x64: 'amd64' } as Record<string, string>)[process.arch] ?? process.arch

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The busybox of every test image, as an uncompressed layer. */
export function busyboxTar(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'flotsam-layer-'))
  try {
    return readFileSync(packBusybox(directory))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The same tar makes the same layer, and each level of compression another blob. */
export function layerOf(tar: Buffer, compressionLevel: number): Layer {
  const bytes = gzipSync(tar, { level: compressionLevel })
  const mediaType = `${oci}.layer.v1.tar+gzip`
  return { digest: digestOf(bytes), mediaType, bytes, diffId: digestOf(tar) }
}

/** An image for one platform. */
export function imageOf(request: ImageRequest): ImageContents {
  const config = jsonContent(`${oci}.config.v1+json`, {
    architecture: request.architecture ?? ownArchitecture,
    os: 'linux',
    config: { Cmd: ['sleep', '86400'], Env: ['PATH=/bin'], Labels: request.labels },
    rootfs: { type: 'layers', diff_ids: request.layers.map(({ diffId }) => diffId) },
  })
  const manifest = jsonContent(`${oci}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: descriptorOf(config),
    layers: request.layers.map(descriptorOf),
  })
  return [manifest, config, ...request.layers]
}

/** An index of images, of which an engine takes the one for its own platform. */
export function multiPlatformImageOf(requests: readonly ImageRequest[]): ImageContents {
  const images = requests.map((request) => ({ request, contents: imageOf(request) }))
  const index = jsonContent(`${oci}.index.v1+json`, {
    schemaVersion: 2,
    mediaType: `${oci}.index.v1+json`,
    manifests: images.map(({ request, contents: [manifest] }) => ({
      ...descriptorOf(manifest),
      platform: { os: 'linux', architecture: request.architecture ?? ownArchitecture },
    })),
  })
  return [index, ...images.flatMap(({ contents }) => contents)]
}

function descriptorOf({ digest, mediaType, bytes }: Content): object {
  return { mediaType, digest, size: bytes.length }
}

function jsonContent(mediaType: string, value: object): Content {
  const bytes = Buffer.from(JSON.stringify(value))
  return { digest: digestOf(bytes), mediaType, bytes }
}
