import { isBelow } from '../dialect.ts'
import type { Container } from '../model.ts'
import type { View } from './view.ts'

const common = {
  ContainerIDFile: '',
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  UsernsMode: '',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  OomKillDisable: false,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
}

const dockerdOnly = {
  Binds: null,
  PortBindings: null,
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'private',
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  SecurityOpt: null,
  ShmSize: 67_108_864,
  Runtime: 'runc',
  Devices: null,
  MemorySwappiness: null,
  PidsLimit: null,
  Ulimits: null,
  MaskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/sys/firmware'],
  ReadonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
}

const podmanOnly = {
  Binds: [],
  PortBindings: {},
  CapAdd: [],
  CapDrop: [],
  CgroupnsMode: 'private',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: [],
  GroupAdd: [],
  SecurityOpt: [],
  ShmSize: 65_536_000,
  Runtime: 'oci',
  Devices: [],
  MemorySwappiness: 0,
  PidsLimit: 2048,
  Ulimits: [{ Name: 'RLIMIT_NOFILE', Hard: 1024, Soft: 1024 }],
  MaskedPaths: null,
  ReadonlyPaths: null,
}

const kernelMemory = { KernelMemory: 0, KernelMemoryTCP: 0 }
const annotations = { Annotations: { 'io.container.manager': 'libpod' } }

/** The requested `HostConfig`, with the engine's defaults. */
export function hostConfigShape(container: Container, { dialect, version }: View): object {
  const { name, maximumRetryCount } = container.restartPolicy
  const { isPodman } = dialect
  const isFour = isPodman && isBelow(version.engine, '5.0')
  const isOldDockerd = !isPodman && isBelow(version.api, '1.42')
  return {
    ...common,
    ...(isPodman ? podmanOnly : dockerdOnly),
    ...(isFour || isOldDockerd ? kernelMemory : {}),
    ...(isPodman && !isFour && container.filesOf !== undefined ? annotations : {}),
    ...container.hostConfig,
    // logs are not kept, which an engine reports like this
    LogConfig: { Type: 'none', Config: isPodman ? null : {} },
    NetworkMode: container.networkMode,
    PidMode: container.pidMode,
    IpcMode: container.ipcMode,
    UTSMode: container.utsMode,
    CgroupParent: container.cgroupParent,
    RestartPolicy: { Name: name === '' && !isOldDockerd ? 'no' : name, MaximumRetryCount: maximumRetryCount },
    AutoRemove: container.autoRemove,
  }
}
