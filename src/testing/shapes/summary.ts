import type { Container, Mount } from '../model.ts'
import { spokenDuration } from './durations.ts'

/** What a container looks like in a listing, in two halves: between them stands the text that changes with time. */
interface Halves {
  readonly before: string
  readonly after: string
}

const serialised = new WeakMap<Container, Halves>()

/** One container of a listing, as JSON. Made once for each state of a container, however often it is listed. */
export function summaryJson(container: Container, nowMs: number): string {
  let halves = serialised.get(container)
  if (!halves) {
    halves = serialise(container)
    serialised.set(container, halves)
  }
  return `${halves.before}${statusText(container, nowMs)}${halves.after}`
}

/** The status in words, as `docker ps` shows it. */
export function statusText(container: Container, nowMs: number): string {
  const { status, exitCode } = container
  const since = (fromMs: number | undefined) => spokenDuration(Math.max(0, nowMs - (fromMs ?? nowMs)))
  switch (status) {
    case 'created':
      return 'Created'
    case 'running':
      return `Up ${since(container.startedAtMs)}`
    case 'paused':
      return `Up ${since(container.startedAtMs)} (Paused)`
    case 'restarting':
      return `Restarting (${exitCode}) ${since(container.finishedAtMs)} ago`
    case 'removing':
      return 'Removal In Progress'
    case 'exited':
      return `Exited (${exitCode}) ${since(container.finishedAtMs)} ago`
    case 'dead':
      return 'Dead'
  }
}

function serialise(container: Container): Halves {
  const head = {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.image,
    ImageID: container.imageId,
    Command: container.command.map(quoted).join(' '),
    Created: Math.floor(container.createdAtMs / 1000),
    Ports: [],
    Labels: container.labels,
    State: container.status,
  }
  const tail = {
    HostConfig: { NetworkMode: container.networkMode },
    NetworkSettings: { Networks: networksOf(container) },
    Mounts: container.mounts.map((mount) =>
      mountShape(mount, !mount.isAnonymous && container.startedAtMs !== undefined),
    ),
  }
  return {
    before: `${JSON.stringify(head).slice(0, -1)},"Status":"`,
    after: `",${JSON.stringify(tail).slice(1)}`,
  }
}

function quoted(word: string): string {
  return /\s/.test(word) ? `'${word}'` : word
}

/** A mount as listings and inspections show it. A listing tells the folder of a named volume, once it has been mounted. */
export function mountShape(mount: Mount, isFolderKnown: boolean): object {
  const { type, volume, source, target, mode, isWritable } = mount
  const rest = { Destination: target, Mode: mode, RW: isWritable }
  if (type === 'tmpfs') return { Type: type, Source: '', ...rest, Propagation: '' }
  if (type === 'bind') return { Type: type, Source: source, ...rest, Propagation: 'rprivate' }
  const folder = isFolderKnown ? source : ''
  return { Type: type, Name: volume, Source: folder, Driver: 'local', ...rest, Propagation: '' }
}

const endpoint = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
}

export function networksOf({ networkMode }: Container): Record<string, object> {
  if (networkMode.startsWith('container:')) return {}
  return { [networkMode === 'default' ? 'bridge' : networkMode]: endpoint }
}
