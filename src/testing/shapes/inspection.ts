import { dataRoot } from '../containers.ts'
import { isAlive, type Container, type Image, type Volume } from '../model.ts'
import { mountShape, networksOf } from './summary.ts'

const never = '0001-01-01T00:00:00Z'

/** A moment as the engine writes it; the year 1 where it has not come. */
export function timestamp(ms: number | undefined): string {
  return ms === undefined ? never : new Date(ms).toISOString()
}

/** All there is to say of one container: the answer to an inspection. */
export function containerShape(container: Container): object {
  const { id, command } = container
  const folder = `${dataRoot}/containers/${id}`
  const hasStarted = container.startedAtMs !== undefined
  return {
    Id: id,
    Created: timestamp(container.createdAtMs),
    Path: command[0] ?? '',
    Args: command.slice(1),
    State: stateShape(container),
    Image: container.imageId,
    ResolvConfPath: hasStarted ? `${folder}/resolv.conf` : '',
    HostnamePath: hasStarted ? `${folder}/hostname` : '',
    HostsPath: hasStarted ? `${folder}/hosts` : '',
    LogPath: '',
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigShape(container),
    GraphDriver: { Data: null, Name: 'overlay2' },
    Mounts: container.mounts.map((mount) => mountShape(mount, true)),
    Config: configShape(container),
    NetworkSettings: {
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
      Networks: networksOf(container),
    },
  }
}

function stateShape(container: Container): object {
  const { status } = container
  return {
    Status: status,
    Running: isAlive(container),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: false,
    Dead: status === 'dead',
    Pid: container.pid,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: timestamp(container.startedAtMs),
    FinishedAt: timestamp(container.finishedAtMs),
  }
}

function hostConfigShape(container: Container): object {
  const { name, maximumRetryCount } = container.restartPolicy
  return {
    Binds: null,
    ContainerIDFile: '',
    PortBindings: null,
    VolumeDriver: '',
    VolumesFrom: null,
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: 'private',
    Dns: null,
    DnsOptions: null,
    DnsSearch: null,
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 67_108_864,
    Runtime: 'runc',
    Memory: 0,
    NanoCpus: 0,
    CpuShares: 0,
    CgroupParent: '',
    PidsLimit: null,
    Ulimits: null,
    Devices: null,
    ...container.hostConfig,
    // nothing that a container would write is kept, and this is how an engine says so
    LogConfig: { Type: 'none', Config: {} },
    NetworkMode: container.networkMode,
    RestartPolicy: { Name: name === '' ? 'no' : name, MaximumRetryCount: maximumRetryCount },
    AutoRemove: container.autoRemove,
  }
}

function configShape(container: Container): object {
  const { config } = container
  return {
    Hostname: container.id.slice(0, 12),
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Volumes: null,
    WorkingDir: '',
    OnBuild: null,
    ...config,
    Env: container.env,
    Cmd: config['Entrypoint'] ? (config['Cmd'] ?? null) : container.command,
    Entrypoint: config['Entrypoint'] ?? null,
    Image: container.image,
    Labels: container.labels,
  }
}

/** An image in a listing. */
export function imageSummaryShape(image: Image, containerCount = -1): object {
  return {
    Containers: containerCount,
    Created: Math.floor(image.createdAtMs / 1000),
    Id: image.id,
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    ParentId: image.parentId,
    RepoDigests: [],
    RepoTags: image.tags,
    SharedSize: containerCount < 0 ? -1 : 0,
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
  }
}

/** The answer to an inspection of an image. */
export function imageShape(image: Image): object {
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: [],
    Parent: image.parentId,
    Comment: '',
    Created: timestamp(image.createdAtMs),
    Author: '',
    Config: {
      Env: image.env.length === 0 ? null : image.env,
      Cmd: image.command.length === 0 ? null : image.command,
      Volumes:
        image.volumes.length === 0 ? null : Object.fromEntries(image.volumes.map((path) => [path, {}])),
      Entrypoint: null,
      WorkingDir: '',
      Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    },
    Architecture: 'amd64',
    Os: 'linux',
    Size: image.sizeBytes,
    VirtualSize: image.sizeBytes,
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: [image.id] },
    Metadata: { LastTagTime: timestamp(image.createdAtMs) },
  }
}

export function volumeShape(volume: Volume): object {
  return {
    CreatedAt: timestamp(volume.createdAtMs),
    Driver: 'local',
    Labels: Object.keys(volume.labels).length === 0 ? null : volume.labels,
    Mountpoint: `${dataRoot}/volumes/${volume.name}/_data`,
    Name: volume.name,
    Options: null,
    Scope: 'local',
  }
}
