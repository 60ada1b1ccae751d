import { dataRoot } from '../containers.ts'
import type { Container, EngineVersion } from '../model.ts'
import { timestamp } from './view.ts'

const kernelVersion = '6.1.0-embedded'

export function versionShape({ engine, api, minApi }: EngineVersion, isPodman: boolean): object {
  const common = {
    GitCommit: 'embedded',
    GoVersion: 'none',
    Os: 'linux',
    Arch: 'amd64',
    KernelVersion: kernelVersion,
    BuildTime: '2026-01-01T00:00:00.000000000+00:00',
  }
  const details = { ApiVersion: api, MinAPIVersion: minApi, Experimental: 'false', ...common }
  return {
    Platform: { Name: 'Embedded engine' },
    Components: [{ Name: isPodman ? 'Podman Engine' : 'Engine', Version: engine, Details: details }],
    Version: engine,
    ApiVersion: api,
    MinAPIVersion: minApi,
    ...common,
  }
}

export interface InfoParts {
  readonly id: string
  readonly version: EngineVersion
  readonly nowMs: number
  readonly containers: Iterable<Container>
  readonly imageCount: number
  readonly listenerCount: number
}

export function infoShape({ id, version, nowMs, containers, imageCount, listenerCount }: InfoParts): object {
  const count = { all: 0, running: 0, paused: 0, stopped: 0 }
  for (const { status } of containers) {
    count.all += 1
    if (status === 'running' || status === 'restarting') count.running += 1
    else if (status === 'paused') count.paused += 1
    else count.stopped += 1
  }
  const commit = { ID: '', Expected: '' }
  return {
    ID: id,
    Containers: count.all,
    ContainersRunning: count.running,
    ContainersPaused: count.paused,
    ContainersStopped: count.stopped,
    Images: imageCount,
    Driver: 'overlay2',
    DriverStatus: [['Backing Filesystem', 'memory']],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: ['none'] },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: false,
    NGoroutines: 0,
    SystemTime: timestamp(nowMs),
    LoggingDriver: 'none',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: '2',
    NEventsListener: listenerCount,
    KernelVersion: kernelVersion,
    OperatingSystem: 'Embedded engine',
    OSVersion: '1',
    OSType: 'linux',
    Architecture: 'x86_64',
    IndexServerAddress: '',
    RegistryConfig: { InsecureRegistryCIDRs: [], IndexConfigs: {}, Mirrors: [] },
    NCPU: 2,
    MemTotal: 8_589_934_592,
    GenericResources: null,
    DockerRootDir: dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: 'embedded',
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: version.engine,
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: false,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: commit,
    RuncCommit: commit,
    InitCommit: commit,
    SecurityOptions: [],
    Warnings: null,
  }
}

/** The default networks. */
export function networkShapes(nowMs: number): { Name: string; Id: string }[] {
  const drivers = { bridge: 'bridge', host: 'host', none: 'null' }
  return Object.entries(drivers).map(([name, driver], index) => ({
    Name: name,
    Id: String(index + 1).repeat(64),
    Created: timestamp(nowMs),
    Scope: 'local',
    Driver: driver,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  }))
}
