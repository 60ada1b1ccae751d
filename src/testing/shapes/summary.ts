import { isBelow } from '../dialect.ts'
import { holderIn, isAlive, type Container, type ContainerStatus, type Mount } from '../model.ts'
import { spokenDuration } from './durations.ts'
import { endpointShape } from './network.ts'
import { fineTimestamp, manifestDescriptor, type View } from './view.ts'

/** The entry of a container in two halves, around the status text, which changes with time. */
interface Halves {
  readonly before: string
  readonly after: string
  /** What else the halves depend on. */
  readonly image: string
  readonly hasDescriptor: boolean
}

const serialised = new WeakMap<Container, Halves>()

/** A listing's entry as JSON, cached until the container changes. */
export function summaryJson(container: Container, nowMs: number, view: View): string {
  const image = shownImage(container, view)
  const hasDescriptor = view.dialect.name === 'dockerd-containerd' && !isBelow(view.apiVersion, '1.48')
  let halves = serialised.get(container)
  if (!halves || halves.image !== image || halves.hasDescriptor !== hasDescriptor) {
    halves = serialise(container, view, { image, hasDescriptor })
    serialised.set(container, halves)
  }
  return `${halves.before}${statusText(container, view.dialect.listedState(container), nowMs)}${halves.after}`
}

/** The entry of a listing by Podman's own API, which it makes from its database alone. */
export function libpodEntryShape(container: Container, { dialect }: View): object {
  const { id, name, image, imageId, command, createdAtMs, exitCode, labels, mounts, pid, pod } = container
  return {
    AutoRemove: container.autoRemove,
    Command: command,
    Created: fineTimestamp(createdAtMs, id),
    Exited: !isAlive(container),
    ExitCode: exitCode,
    Id: id,
    Image: image,
    ImageID: imageId.replace(/^sha256:/, ''),
    IsInfra: pod?.isInfra === true,
    Labels: labels,
    Mounts: mounts.map(({ target }) => target),
    Names: [name],
    Pid: pid,
    Pod: pod?.id ?? '',
    PodName: pod?.name ?? '',
    State: dialect.listedState(container),
    Status: '',
  }
}

/** dockerd shows the id if the name now belongs to another image, or to none. */
function shownImage({ image, imageId }: Container, { dialect, images }: View): string {
  const isMoved = image !== '' && !image.startsWith('sha256:') && images.find(image)?.id !== imageId
  return isMoved && !dialect.isPodman ? imageId : image
}

/** The status text, as shown by `docker ps`. */
function statusText(container: Container, state: ContainerStatus, nowMs: number): string {
  const { exitCode } = container
  const since = (fromMs: number | undefined) => spokenDuration(Math.max(0, nowMs - (fromMs ?? nowMs)))
  switch (state) {
    case 'created':
    case 'configured':
      return 'Created'
    case 'initialized':
      return 'Initialized'
    case 'running':
      return `Up ${since(container.startedAtMs)}`
    case 'paused':
      return `Up ${since(container.startedAtMs)} (Paused)`
    case 'restarting':
      return `Restarting (${exitCode}) ${since(container.finishedAtMs)} ago`
    case 'removing':
      return 'Removal In Progress'
    case 'stopping':
      return 'Stopping'
    case 'unknown':
      return 'Unknown'
    case 'stopped':
    case 'exited':
      return `Exited (${exitCode}) ${since(container.finishedAtMs)} ago`
    case 'dead':
      return 'Dead'
  }
}

function serialise(
  container: Container,
  view: View,
  { image, hasDescriptor }: { readonly image: string; readonly hasDescriptor: boolean },
): Halves {
  const { isPodman } = view.dialect
  const head = {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: image,
    ImageID: container.imageId === '' && isPodman ? 'sha256:' : container.imageId,
    ...(hasDescriptor && container.imageId !== ''
      ? { ImageManifestDescriptor: manifestDescriptor(container.imageId, container.platform) }
      : {}),
    Command: container.command.map(quoted).join(' '),
    Created: Math.floor(container.createdAtMs / 1000),
    Ports: [],
    Labels: container.labels,
    State: view.dialect.listedState(container),
  }
  const tail = {
    ...(isPodman ? {} : { HostConfig: { NetworkMode: container.networkMode } }),
    NetworkSettings: { Networks: listedNetworks(container, view) },
    Mounts: container.mounts.map((mount) =>
      mountShape(mount, isPodman || (!mount.isAnonymous && container.startedAtMs !== undefined)),
    ),
    ...(isPodman ? podmanFields(view) : {}),
  }
  return {
    before: `${JSON.stringify(head).slice(0, -1)},"Status":"`,
    after: `",${JSON.stringify(tail).slice(1)}`,
    image,
    hasDescriptor,
  }
}

/** Podman's listings also contain empty fields of create requests. */
function podmanFields({ version }: View): object {
  const nothing = { Name: '', Config: null, NetworkingConfig: null, Platform: null }
  return isBelow(version.engine, '5.0')
    ? { ...nothing, AdjustCPUShares: false }
    : { ...nothing, DefaultReadOnlyNonRecursive: false }
}

function listedNetworks(container: Container, view: View): object | null {
  const isBare = view.dialect.isPodman && isBelow(view.version.engine, '5.0')
  return isBare ? null : networksOf(container, view)
}

function quoted(word: string): string {
  return /\s/.test(word) ? `'${word}'` : word
}

/** A mount as in listings and inspections. A listing shows the directory of a named volume once it has been mounted. */
export function mountShape(mount: Mount, isFolderKnown: boolean): object {
  const { type, volume, source, target, mode, isWritable } = mount
  const rest = { Destination: target, Mode: mode, RW: isWritable }
  if (type === 'tmpfs') return { Type: type, Source: '', ...rest, Propagation: '' }
  if (type === 'bind') return { Type: type, Source: source, ...rest, Propagation: 'rprivate' }
  const folder = isFolderKnown ? source : ''
  return { Type: type, Name: volume, Source: folder, Driver: 'local', ...rest, Propagation: '' }
}

export function networksOf({ networkMode }: Container, view: View): Record<string, object> {
  const isGuest = holderIn(networkMode) !== undefined
  if (view.dialect.isPodman) {
    if (isBelow(view.version.engine, '5.0')) return {}
    return { [isGuest ? 'none' : networkMode]: endpointShape(view) }
  }
  if (isGuest) return {}
  return { [networkMode === 'default' ? 'bridge' : networkMode]: endpointShape(view) }
}
