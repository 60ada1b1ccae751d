import { dataRoot } from '../containers.ts'
import { isBelow } from '../dialect.ts'
import { dependenciesOf, holderIn, isAlive, type Container } from '../model.ts'
import { hostConfigShape } from './host-config.ts'
import { emptyConfig } from './image.ts'
import { mountShape, networksOf } from './summary.ts'
import { fineTimestamp, manifestDescriptor, type View } from './view.ts'

/** The directory in which Podman keeps the files of containers. */
const podmanRun = '/run/containers/storage/overlay-containers'
const podmanStorage = '/var/lib/containers/storage/overlay'

/** The answer to an inspection of a container. */
export function containerShape(container: Container, view: View): object {
  const { id, command, imageId, platform } = container
  const { dialect, apiVersion } = view
  const { isPodman } = dialect
  const hasDescriptor =
    dialect.name === 'dockerd-containerd' && !isBelow(apiVersion, '1.48') && imageId !== ''
  return {
    Id: id,
    Created: fineTimestamp(container.createdAtMs, id),
    Path: command[0] ?? '',
    Args: command.slice(1),
    State: stateShape(container, view),
    Image: imageId === '' && isPodman ? 'sha256:' : imageId,
    ...filesShape(container, view),
    LogPath: '',
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: driverOf(view),
    Platform: platform.os,
    ...(hasDescriptor ? { ImageManifestDescriptor: manifestDescriptor(imageId, platform) } : {}),
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: isPodman ? [] : null,
    HostConfig: hostConfigShape(container, view),
    GraphDriver: { Data: layersOf(container, view), Name: driverOf(view) },
    ...(isPodman ? { SizeRootFs: 0 } : {}),
    Mounts: container.mounts.map((mount) => mountShape(mount, true)),
    Config: configShape(container, view),
    NetworkSettings: networkSettingsShape(container, view),
  }
}

function driverOf({ dialect }: View): string {
  if (dialect.isPodman) return 'overlay'
  return dialect.name === 'dockerd-containerd' ? 'overlayfs' : 'overlay2'
}

/** The files that the engine mounts into it, after its first start. */
function filesShape({ filesOf }: Container, { dialect }: View): object {
  const folder = dialect.isPodman ? `${podmanRun}/${filesOf}/userdata` : `${dataRoot}/containers/${filesOf}`
  const path = (name: string): string => (filesOf === undefined ? '' : `${folder}/${name}`)
  return {
    ResolvConfPath: path('resolv.conf'),
    HostnamePath: path('hostname'),
    HostsPath: path('hosts'),
  }
}

/** Its writable layer. With the containerd image store its path is not shown. */
function layersOf(container: Container, { dialect, version }: View): object | null {
  const { id, status, imageId } = container
  if (status === 'dead' || dialect.name === 'dockerd-containerd') return null
  const folder = dialect.isPodman ? `${podmanStorage}/${id}` : `${dataRoot}/overlay2/${id}`
  const own = { UpperDir: `${folder}/diff`, WorkDir: `${folder}/work` }
  const lower = { LowerDir: `${folder}-init/diff` }
  const merged = { MergedDir: `${folder}/merged` }
  if (dialect.isPodman) {
    const isMounted = imageId !== '' && ['running', 'paused', 'restarting'].includes(status)
    return { ...(imageId === '' ? {} : lower), ...(isMounted ? merged : {}), ...own }
  }
  return { ...(isBelow(version.api, '1.48') ? {} : { ID: id }), ...lower, ...merged, ...own }
}

export function stateShape(container: Container, { dialect, version }: View): object {
  const { status, id } = container
  const isUp = isAlive(container) && !(dialect.isPodman && (status === 'restarting' || status === 'stopping'))
  const health = { Health: { Status: '', FailingStreak: 0, Log: null } }
  return {
    Status: dialect.inspectedState(container),
    Running: isUp,
    Paused: status === 'paused',
    Restarting: status === 'restarting' && !dialect.isPodman,
    OOMKilled: false,
    Dead: status === 'dead' || (container.removal === 'under-way' && !dialect.isPodman),
    Pid: container.pid,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: fineTimestamp(container.startedAtMs, id),
    FinishedAt: fineTimestamp(container.finishedAtMs, id),
    ...(dialect.isPodman && isBelow(version.engine, '5.0') ? health : {}),
  }
}

function configShape(container: Container, { dialect }: View): object {
  const { config, id, networkMode } = container
  const { isPodman } = dialect
  const hostnameOf = (isPodman ? undefined : holderIn(networkMode)) ?? id
  return {
    ...emptyConfig(),
    Hostname: hostnameOf.slice(0, 12),
    WorkingDir: isPodman ? '/' : '',
    ...(isPodman ? { StopSignal: '15', StopTimeout: 10 } : {}),
    ...config,
    ...(isPodman ? { Volumes: null } : {}),
    Env: container.env,
    Cmd: config['Entrypoint'] ? (config['Cmd'] ?? null) : container.command,
    Entrypoint: config['Entrypoint'] ?? (isPodman ? [] : null),
    Image: container.image,
    Labels: container.labels,
  }
}

function networkSettingsShape(container: Container, view: View): object {
  return {
    Bridge: '',
    SandboxID: '',
    SandboxKey: '',
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '',
    Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    MacAddress: '',
    Networks: networksOf(container, view),
  }
}

/** The answer of Podman's own API, reduced to what Docker's API does not show. */
export function libpodShape(container: Container, view: View): object {
  const { id, pod, imageId, image } = container
  return {
    Id: id,
    Created: fineTimestamp(container.createdAtMs, id),
    Name: container.name,
    State: { ...stateShape(container, view), Status: libpodState(container) },
    Image: imageId.replace(/^sha256:/, ''),
    ImageName: image,
    Pod: pod?.id ?? '',
    IsInfra: pod?.isInfra === true,
    IsService: false,
    Dependencies: dependenciesOf(container),
    RestartCount: container.restartCount,
    Mounts: container.mounts.map((mount) => mountShape(mount, true)),
    Config: configShape(container, view),
    HostConfig: hostConfigShape(container, view),
  }
}

function libpodState({ status }: Container): string {
  if (status === 'restarting') return 'stopped'
  return status === 'configured' ? 'created' : status
}
