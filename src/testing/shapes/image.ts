import { createHash } from 'node:crypto'
import { isBelow } from '../dialect.ts'
import type { Image, ImagePlatform } from '../model.ts'
import { fineTimestamp, timestamp, type View } from './view.ts'

function tagsOf({ tags }: Image, { dialect }: View): string[] {
  return tags.map((tag) => dialect.imageName(tag))
}

function digestsOf(image: Image, view: View): string[] {
  if (view.dialect.name === 'dockerd') return []
  return tagsOf(image, view).map((tag) => `${tag.slice(0, tag.lastIndexOf(':'))}@${digestOf(image, view)}`)
}

/** Of its manifest. To Podman an id is the digest of a configuration. */
function digestOf({ id }: Image, { dialect }: View): string {
  return dialect.isPodman ? `sha256:${createHash('sha256').update(id).digest('hex')}` : id
}

function descriptorOf({ id, platforms }: Image, { dialect }: View): object {
  if (dialect.name !== 'dockerd-containerd') return {}
  const type = platforms.length > 1 ? 'index' : 'manifest'
  return { Descriptor: { mediaType: `application/vnd.oci.image.${type}.v1+json`, digest: id, size: 405 } }
}

/** The platforms of an image in the containerd image store. */
export function manifestsShape({ id, platforms }: Image): object {
  const Manifests = platforms.map(({ os, architecture }) => ({
    ID: id,
    Kind: 'image',
    Available: true,
    ImageData: { Platform: { os, architecture } },
  }))
  return { Manifests }
}

/** Null instead of an empty object. */
function filled<T extends object>(value: T): T | null {
  return Object.keys(value).length === 0 ? null : value
}

/** An image in a listing. */
export function imageSummaryShape(image: Image, view: View, containerCount = -1): object {
  const { dialect, version } = view
  const tags = tagsOf(image, view)
  const isOld = dialect.isPodman ? isBelow(version.engine, '5.8') : isBelow(version.api, '1.44')
  return {
    Containers: containerCount,
    Created: Math.floor(image.createdAtMs / 1000),
    Id: image.id,
    Labels: filled(image.labels),
    ParentId: image.parentId,
    ...descriptorOf(image, view),
    RepoDigests: isBelow(version.api, '1.42') && !dialect.isPodman ? null : digestsOf(image, view),
    RepoTags: tags,
    SharedSize: containerCount < 0 ? -1 : 0,
    Size: image.sizeBytes,
    ...(isOld ? { VirtualSize: image.sizeBytes } : {}),
    ...(dialect.isPodman
      ? {
          Digest: digestOf(image, view),
          History: tags,
          ...(tags.length > 0 ? { Names: tags } : { Dangling: true }),
        }
      : {}),
  }
}

/** The answer to an inspection of an image, or of one of its platforms. */
export function imageShape(image: Image, platform: ImagePlatform, view: View): object {
  const { dialect, version } = view
  const isPodman58 = dialect.isPodman && !isBelow(version.engine, '5.8')
  const isOld = dialect.isPodman ? !isPodman58 : isBelow(version.api, '1.42')
  const { hasContent } = image
  return {
    Id: image.id,
    RepoTags: tagsOf(image, view),
    RepoDigests: digestsOf(image, view),
    Parent: image.parentId,
    Comment: '',
    ...(hasContent ? { Created: fineTimestamp(image.createdAtMs, image.id) } : {}),
    ...(isOld ? { Container: '', ContainerConfig: emptyConfig() } : {}),
    DockerVersion: '',
    Author: '',
    Config: configOf(image, platform, view),
    Architecture: hasContent ? platform.architecture : '',
    Os: hasContent ? platform.os : '',
    Size: image.sizeBytes,
    ...(isOld ? { VirtualSize: image.sizeBytes } : {}),
    GraphDriver: graphDriverOf(image, view),
    RootFS: hasContent ? { Type: 'layers', Layers: [image.id] } : {},
    Metadata: { LastTagTime: timestamp(dialect.isPodman ? undefined : image.createdAtMs) },
    ...descriptorOf(image, view),
  }
}

function graphDriverOf({ id }: Image, { dialect }: View): object {
  if (dialect.name === 'dockerd-containerd') return { Data: null, Name: 'overlayfs' }
  const folder = `/var/lib/${dialect.isPodman ? 'containers/storage/overlay' : 'docker/overlay2'}/${id.slice(7)}`
  const data = { UpperDir: `${folder}/diff`, WorkDir: `${folder}/work` }
  if (dialect.isPodman) return { Data: data, Name: 'overlay' }
  return { Data: { MergedDir: `${folder}/merged`, ...data }, Name: 'overlay2' }
}

/** The defaults of its containers. From 5.8 on Podman omits empty fields, including the labels. */
function configOf(image: Image, platform: ImagePlatform, { dialect, version }: View): object {
  const own = image.hasContent
    ? {
        Cmd: filled(image.command),
        Env: filled(image.env),
        Labels: filled(platform.labels),
        Volumes: filled(Object.fromEntries(image.volumes.map((path) => [path, {}]))),
      }
    : { Cmd: null, Env: null, Labels: null, Volumes: null }
  if (dialect.isPodman && !isBelow(version.engine, '5.8'))
    return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null))
  if (dialect.isPodman || isBelow(version.api, '1.48')) return { ...emptyConfig(), ...own }
  return { ...own, Entrypoint: null, OnBuild: null, User: '', WorkingDir: '' }
}

/** What a container is made from, where nothing is given. */
export function emptyConfig(): object {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  }
}
