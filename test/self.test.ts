import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { InspectedMount, SelfMarks } from '../src/domain/container.ts'
import { selfFrom, type SelfTest, type SelfVerdict } from '../src/self/self-test.ts'
import { readSelfTraces, type SelfTraces } from '../src/self/traces.ts'
import { mustSpare, type SelfRecording } from './support/self-recording.ts'

const idOf = (digits: string) => digits.repeat(32)
const [own, other, third] = [idOf('a1'), idOf('b2'), idOf('c3')]
const layerOf = (id: string) => `/var/lib/docker/overlay2/${idOf(id.slice(0, 1) + 'f')}/diff`

const ofHost: SelfTraces = {
  cgroup: '0::/user.slice/user-1000.slice/session-3.scope',
  mountinfo: '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
  cgroupNamespace: 'cgroup:[4026531835]',
  pidNamespace: 'pid:[4026531836]',
  hasMarkerFile: false,
  containerVariable: '',
  containerManager: '',
  firstMountinfo: '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
  firstCgroup: '0::/init.scope',
  firstName: 'systemd',
  pids: '4711',
  hostname: 'machine',
  isStartedBySystemd: false,
}
const ofContainer: SelfTraces = {
  ...ofHost,
  cgroup: '0::/',
  firstMountinfo: '',
  firstCgroup: '',
  firstName: '',
  pids: '',
  mountinfo: '',
  cgroupNamespace: 'cgroup:[4026532541]',
  pidNamespace: 'pid:[4026532471]',
  hasMarkerFile: true,
}

const overlay = (upperDir: string, at = '/') =>
  `48 42 0:52 / ${at} rw,relatime master:5 - overlay overlay rw,lowerdir=/a:/b,upperdir=${upperDir},workdir=/w`
const bind = (root: string, at: string, fileSystem = 'ext4') =>
  `49 48 8:1 ${root} ${at} rw,relatime - ${fileSystem} /dev/sda1 rw`
const files = ['hostname', 'hosts', 'resolv.conf'] as const
const filesIn = (folder: string, fileSystem = 'ext4') =>
  files.map((file) => bind(`${folder}/${file}`, `/etc/${file}`, fileSystem)).join('\n')
const dockerFolder = (id: string) => `/var/lib/docker/containers/${id}`

/** As Docker reports a container on overlay2 that has files of its own. */
const marksOf = (id: string, given: Partial<SelfMarks> = {}): SelfMarks => ({
  hostnamePath: `${dockerFolder(id)}/hostname`,
  hostsPath: `${dockerFolder(id)}/hosts`,
  resolvConfPath: `${dockerFolder(id)}/resolv.conf`,
  upperDir: layerOf(id),
  mounts: [],
  mayMount: false,
  ...given,
})
/** The same on an engine that names no layer. */
const bareMarksOf = (id: string, given: Partial<SelfMarks> = {}) => marksOf(id, { upperDir: '', ...given })
const mountOf = (source: string, destination = '/data'): InspectedMount => ({ source, destination })

const judged = (traces: SelfTraces, id: string, selfMarks: SelfMarks, named?: string): SelfVerdict =>
  selfFrom(traces, named).judge({ id, name: 'some-name', selfMarks })

/** Podman's `--cgroups=disabled` leaves it in the host's cgroup and namespace. */
const withoutCgroup = (traces: SelfTraces): SelfTraces => ({
  ...traces,
  cgroup: '9:pids:/\n0::/system.slice/podman.service',
  cgroupNamespace: ofHost.cgroupNamespace,
})

/** Where cgroup v2 is used, a container sees nothing of its group. */
const inPrivateCgroup = (traces: SelfTraces): SelfTraces => ({
  ...traces,
  cgroup: '0::/',
  cgroupNamespace: ofContainer.cgroupNamespace,
})

const recordings = join(import.meta.dirname, 'self/recordings')
/** A recording, by its file; what it lacks was not read. */
function recordingOf(file: string): SelfRecording {
  const { traces, inspections } = JSON.parse(readFileSync(join(recordings, file), 'utf8')) as SelfRecording
  const complete = Object.entries(traces).map(([name, read]) => [name, { ...ofContainer, ...read }])
  return { inspections, traces: Object.fromEntries(complete) }
}

/** The test, after it has seen the listing: the engine lists all containers before one is judged. */
function listed({ inspections }: SelfRecording, test: SelfTest): SelfTest {
  for (const { id, name } of Object.values(inspections)) test.suspects({ id, names: [name] })
  return test
}

describe.each(readdirSync(recordings))('not-self: as recorded on %s', (file) => {
  const recording = recordingOf(file)
  const seen = (change: (traces: SelfTraces) => SelfTraces): SelfRecording => ({
    ...recording,
    traces: Object.fromEntries(
      Object.entries(recording.traces).map(([name, traces]) => [name, change(traces)]),
    ),
  })
  const blank = seen(inPrivateCgroup)
  const rows = Object.keys(recording.traces).flatMap((name) => [
    { name, seeing: 'its cgroup as it was', given: recording },
    { name, seeing: 'nothing of its cgroup', given: blank },
    { name, seeing: 'no cgroup of its own', given: seen(withoutCgroup) },
  ])

  test.each(rows)(
    '$name, seeing $seeing, spares itself and containers indistinguishable from it',
    ({ name, given }) => {
      const { judge } = listed(given, selfFrom(given.traces[name] ?? ofHost, undefined))
      const verdicts = Object.entries(given.inspections).map(
        ([one, inspected]) => [one, judge(inspected)] as const,
      )
      const spared = verdicts.filter(([, verdict]) => verdict !== 'not-self').map(([one]) => one)
      expect(spared.toSorted()).toEqual(mustSpare(given, name))
    },
  )

  test('a container of another engine is not ours, unless all distinguishing traces came from elsewhere', () => {
    for (const another of readdirSync(recordings).filter((one) => one !== file)) {
      const foreign = recordingOf(another)
      for (const [name, traces] of Object.entries(recording.traces).filter(
        ([one]) => !one.includes('files-'),
      )) {
        const { judge } = selfFrom(traces, undefined)
        const spared = Object.entries(foreign.inspections).filter(([, one]) => judge(one) !== 'not-self')
        expect([name, another, spared.map(([one]) => one)]).toEqual([name, another, []])
      }
    }
  })

  test('a process on the host is none of them', () => {
    const { judge, mayBeContained } = selfFrom(ofHost, undefined)
    expect(mayBeContained).toBe(false)
    expect(new Set(Object.values(recording.inspections).map(judge))).toEqual(new Set(['not-self']))
  })

  test('the owner’s answer settles what the traces leave open, and nothing that they prove', () => {
    for (const [name, traces] of Object.entries(blank.traces)) {
      const { judge, suspects } = selfFrom(traces, name)
      const inspections = Object.entries(blank.inspections)
      expect(
        inspections.filter(([one, { id }]) => suspects({ id, names: [one] })).map(([one]) => one),
      ).toContain(name)
      for (const [one, inspected] of inspections) {
        const isProved = selfFrom(traces, undefined).judge(inspected) === 'self'
        expect([name, one, judge(inspected)]).toEqual([
          name,
          one,
          one === name || isProved ? 'self' : 'not-self',
        ])
      }
    }
  })

  test.each(['host name', 'start of an id', 'full id'])(
    'the %s that a process reads of itself may be that of its network, and does not exclude it',
    (kind) => {
      for (const [name, traces] of Object.entries(blank.traces)) {
        const readId = /\/([0-9a-f]{64})\/(?:userdata\/)?hostname \/etc\/hostname/.exec(traces.mountinfo)?.[1]
        if (readId === undefined) continue
        const word = kind === 'full id' ? readId : readId.slice(0, 12)
        const read = kind === 'host name' ? { ...traces, hostname: word } : traces
        const { judge } = listed(blank, selfFrom(read, word))
        const inspected = blank.inspections[name]
        expect([name, inspected && judge(inspected)]).not.toEqual([name, 'not-self'])
      }
    },
  )
})

describe('not-self: the cgroup', () => {
  test.each<[string, string]>([
    ['v1 of Docker', `12:pids:/docker/${own}\n11:memory:/docker/${own}\n1:name=systemd:/docker/${own}\n`],
    ['v1 with the systemd driver', `4:cpu,cpuacct:/system.slice/docker-${own}.scope\n`],
    ['v2 in the namespace of the host', `0::/system.slice/docker-${own}.scope\n`],
    ['v1 within a pod', `3:cpu:/kubepods/besteffort/pod0e3c/${own}\n`],
    [
      'v2 of rootless Podman',
      `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${own}.scope/container\n`,
    ],
    ['v1 of rootful Podman', `9:pids:/machine.slice/libpod-${own}.scope\n`],
  ])('%s proves which container it is, at the listing already', (_, cgroup) => {
    const { suspects, judge } = selfFrom({ ...ofHost, cgroup }, undefined)
    expect(suspects({ id: own, names: [] })).toBe(true)
    expect(suspects({ id: other, names: [] })).toBe(false)
    expect(judge({ id: own, name: '', selfMarks: marksOf(own) })).toBe('self')
  })

  test('below another’s, both are spared: the end of either is ours', () => {
    const traces = { ...ofContainer, cgroup: `5:devices:/docker/${own}/docker/${other}\n` }
    expect(judged(traces, own, marksOf(own))).toBe('self')
    expect(judged(traces, other, marksOf(other))).toBe('self')
  })

  test('unknown-is-spared: Podman can leave a container in the cgroup of another', () => {
    const folder = `/containers/storage/overlay-containers/${third}/userdata`
    const traces = { ...ofHost, cgroup: `0::/docker/${own}`, mountinfo: filesIn(folder) }
    expect(
      judged(traces, other, bareMarksOf(third, { hostnamePath: '', hostsPath: '', resolvConfPath: '' })),
    ).toBe('unknown')
  })

  test('a complete path distinguishes guests of one network when nothing else does', () => {
    const guest = { ...ofContainer, mountinfo: filesIn(dockerFolder(third)) }
    const cgroup = `0::/system.slice/docker-${own}.scope\n`
    const complete = { ...guest, cgroup, cgroupNamespace: ofHost.cgroupNamespace }
    const selfMarks = bareMarksOf(third)
    const verdictOnOther = (seen: SelfTraces) => {
      const { judge, suspects } = selfFrom(seen, undefined)
      expect(suspects({ id: own, names: ['agent'] })).toBe(true)
      return judge({ id: other, name: 'leak', selfMarks })
    }
    expect(judged(complete, own, selfMarks)).toBe('self')
    expect(verdictOnOther(complete)).toBe('not-self')
    expect(verdictOnOther({ ...complete, cgroupNamespace: ofContainer.cgroupNamespace })).toBe('unknown')
    expect(judged(complete, other, selfMarks)).toBe('unknown')
  })

  // A rootless dockerd in a container, on a host with cgroups v1, gives its containers no cgroup.
  test('in the cgroup of a container around its engine, an agent is still what its files say', () => {
    const cgroup = `3:cpu:/docker/${third}\n0::/\n`
    const traces = {
      ...ofContainer,
      cgroup,
      cgroupNamespace: ofHost.cgroupNamespace,
      mountinfo: filesIn(dockerFolder(own)),
    }
    expect(judged(traces, own, bareMarksOf(own))).toBe('self')
    expect(judged(traces, other, bareMarksOf(other))).toBe('not-self')
    expect(judged(traces, other, bareMarksOf(own))).toBe('unknown')
  })
})

describe('not-self: the writable layer', () => {
  const traces = { ...ofContainer, mountinfo: overlay(layerOf(own)) }

  test('the same one is ours, another of the same sort is not', () => {
    expect(judged(traces, own, marksOf(own))).toBe('self')
    expect(judged(traces, other, marksOf(other))).toBe('not-self')
  })

  test('what was proved once is applied to every listing', () => {
    const { judge, suspects } = selfFrom(traces, undefined)
    expect(suspects({ id: own, names: [] })).toBe(false)
    judge({ id: own, name: '', selfMarks: marksOf(own) })
    expect(suspects({ id: own, names: [] })).toBe(true)
    expect(suspects({ id: other, names: [] })).toBe(false)
  })

  test.each([
    ['a path that begins with the id', layerOf(own).replace('/var/lib/docker/overlay2/', '')],
    ['a path below a link', layerOf(own).replace('/var/lib', '/mnt/big')],
    ['a path of any other form', '/some/where/else'],
  ])('%s is recognised', (_, upperDir) => {
    const marks = marksOf(own, upperDir === '/some/where/else' ? { upperDir } : {})
    expect(judged({ ...traces, mountinfo: overlay(upperDir) }, own, marks)).toBe('self')
  })

  test('the kernel’s escapes are read', () => {
    const upperDir = '/my disk/a,b/upper'
    const escaped = String.raw`/my\040disk/a\054b/upper`
    expect(judged({ ...traces, mountinfo: overlay(escaped) }, own, marksOf(own, { upperDir }))).toBe('self')
  })

  test('of the last mount on the root, which covers the earlier ones', () => {
    const mountinfo = `${overlay(layerOf(other))}\n${overlay(layerOf(own))}`
    expect(judged({ ...traces, mountinfo }, own, marksOf(own))).toBe('self')
  })

  test.each([
    [
      'a layer of another sort',
      '/var/lib/containers/storage/overlay-containers/x/userdata/overlay/1234/upper',
    ],
    ['that of a sandbox within the container', '/tmp/sandbox/upper'],
    ['a layer of Podman', `/var/lib/containers/storage/overlay/${idOf('d4')}/diff`],
    ['a snapshot of containerd', '/var/lib/docker/containerd/daemon/snapshots/42/fs'],
  ])('unknown-is-spared: %s proves nothing', (_, upperDir) => {
    expect(judged({ ...traces, mountinfo: overlay(upperDir) }, own, marksOf(own))).toBe('unknown')
  })
})

describe('not-self: the files that an engine mounts', () => {
  const traces = { ...ofContainer, mountinfo: `${bind('/x', '/')}\n${filesIn(dockerFolder(own))}` }

  test('the container of that id, or one in its network, may be us', () => {
    expect(judged(traces, own, bareMarksOf(own))).toBe('self')
    expect(judged(traces, other, bareMarksOf(own))).toBe('unknown')
    expect(judged(traces, other, bareMarksOf(other))).toBe('not-self')
  })

  test.each([
    ['the data root is a file system of its own', `/containers/${own}`],
    ['the data root is a subvolume', `/@/var/lib/docker/containers/${own}`],
    ['the data root is another', `/data/docker/containers/${own}`],
  ])('also where %s', (_, folder) => {
    const mountinfo = filesIn(folder)
    expect(judged({ ...traces, mountinfo }, own, bareMarksOf(own))).toBe('self')
    expect(judged({ ...traces, mountinfo }, other, bareMarksOf(other))).toBe('not-self')
  })

  test('one file that is surely another is enough', () => {
    const mountinfo = [
      bind('/srv/hosts', '/etc/hosts'),
      bind(`${dockerFolder(own)}/hostname`, '/etc/hostname'),
    ].join('\n')
    expect(judged({ ...traces, mountinfo }, other, bareMarksOf(other))).toBe('not-self')
  })

  test('the file that Podman mounts for the container itself names it, whatever its network is', () => {
    const userdata = (id: string) => `/containers/storage/overlay-containers/${id}/userdata`
    const mountinfo = `${bind(`${userdata(own)}/.containerenv`, '/run/.containerenv', 'tmpfs')}\n${filesIn(userdata(third), 'tmpfs')}`
    const marks = bareMarksOf(third, {
      hostnamePath: `/run${userdata(third)}/hostname`,
      hostsPath: '',
      resolvConfPath: '',
    })
    expect(selfFrom({ ...traces, mountinfo }, undefined).suspects({ id: own, names: [] })).toBe(true)
    expect(judged({ ...traces, mountinfo }, own, marks)).toBe('self')
    expect(judged({ ...traces, mountinfo }, other, marks)).toBe('not-self')
  })

  test('a file that was replaced on the host is still the same', () => {
    const mountinfo = bind(`${dockerFolder(own)}/hosts//deleted`, '/etc/hosts')
    expect(judged({ ...traces, mountinfo }, own, bareMarksOf(own))).toBe('self')
  })

  test('a mount over it does not hide it', () => {
    const mountinfo = `${bind(`${dockerFolder(own)}/hosts`, '/etc/hosts')}\n${bind('/vpn/hosts', '/etc/hosts')}`
    expect(judged({ ...traces, mountinfo }, own, bareMarksOf(own))).toBe('self')
    expect(judged({ ...traces, mountinfo }, other, bareMarksOf(other))).toBe('not-self')
  })
})

describe('not-self: files from elsewhere', () => {
  const mountinfo = `${bind('/x', '/')}\n${filesIn('/srv/agent')}`
  const traces = { ...ofContainer, mountinfo }
  const theirMounts = files.map((file) => mountOf(`/srv/agent/${file}`, `/etc/${file}`))

  test('a container with the engine’s own is not ours', () => {
    expect(judged(traces, other, bareMarksOf(other))).toBe('not-self')
    const marks = bareMarksOf(other, { mounts: [mountOf('/srv/agent')] })
    expect(judged(traces, other, marks)).toBe('not-self')
  })

  test('unknown-is-spared: one with files from elsewhere may be ours, since paths may be links', () => {
    const links = theirMounts.map((mount) => ({ ...mount, source: `/links/${mount.destination}` }))
    expect(judged(traces, own, bareMarksOf(own, { mounts: theirMounts }))).toBe('unknown')
    expect(judged(traces, own, bareMarksOf(own, { mounts: links }))).toBe('unknown')
  })

  test('unknown-is-spared: in a root that is not the engine’s, they may be the sandbox’s', () => {
    expect(judged({ ...traces, hasMarkerFile: false }, own, bareMarksOf(own))).toBe('unknown')
    const withoutRoot = { ...traces, mountinfo: filesIn('/srv/agent') }
    expect(judged(withoutRoot, own, bareMarksOf(own))).toBe('unknown')
  })

  test('unknown-is-spared: nothing to compare', () => {
    const nothing = { upperDir: '', hostnamePath: '', hostsPath: '', resolvConfPath: '' }
    expect(judged({ ...ofContainer, mountinfo: '' }, own, marksOf(own))).toBe('unknown')
    expect(judged(traces, own, marksOf(own, nothing))).toBe('unknown')
  })
})

describe('not-self: an engine within the container', () => {
  // The engine within keeps its data in a volume of the outer container, and calls everything as the outer one does.
  const volume = '/var/lib/docker/volumes/inner/_data'
  const inner = {
    ...ofContainer,
    mountinfo: `${overlay(layerOf(third))}\n${filesIn(`${volume}/containers/${third}`)}`,
  }

  test('unknown-is-spared: the container that has our files in its volume may be around ours', () => {
    expect(judged(inner, own, marksOf(own, { mounts: [mountOf(volume, '/var/lib/docker')] }))).toBe('unknown')
    expect(judged(inner, other, marksOf(other))).toBe('not-self')
    expect(judged(inner, other, marksOf(other, { mounts: [mountOf('/srv/data')] }))).toBe('not-self')
  })

  test('unknown-is-spared: so it may where our cgroup has an id', () => {
    const cgroup = `0::/docker/${third}`
    const traces = { ...inner, cgroup, cgroupNamespace: ofHost.cgroupNamespace }
    const { judge, suspects } = selfFrom(traces, undefined)
    const selfMarks = marksOf(own, { mounts: [mountOf(volume, '/var/lib/docker')] })
    expect(suspects({ id: third, names: ['inner'] })).toBe(true)
    expect(judge({ id: own, name: 'outer', selfMarks })).toBe('unknown')
    expect(judged(traces, own, selfMarks)).toBe('unknown')
  })

  describe('that keeps its files in a file system mounted within the container', () => {
    const places: readonly [string, string][] = [
      ['a disk image', `${overlay(layerOf(third))}\n${filesIn(`/data/containers/${third}`)}`],
      ['memory', `${overlay(layerOf(third))}\n${filesIn(`/data/containers/${third}`, 'tmpfs')}`],
      [
        'a disk image, beside a file of the container around it',
        `${bind(`${dockerFolder(own)}/hosts`, '/etc/hosts')}\n${bind(`/data/containers/${third}/hostname`, '/etc/hostname')}`,
      ],
    ]
    const mayMount = marksOf(own, { mayMount: true })
    const verdictWith = (
      mountinfo: string,
      seen: readonly string[],
      selfMarks = mayMount,
      named?: string,
    ) => {
      const { judge, suspects } = selfFrom({ ...ofContainer, mountinfo }, named)
      for (const id of [own, other, ...seen]) suspects({ id, names: [] })
      return judge({ id: own, name: 'outer', selfMarks })
    }

    test.each(places)(
      'unknown-is-spared: in %s, a container that may mount may be around ours',
      (_, mountinfo) => {
        expect(verdictWith(mountinfo, [])).toBe('unknown')
        expect(verdictWith(mountinfo, [], marksOf(own))).toBe('not-self')
        expect(verdictWith(mountinfo, [], mayMount, own)).toBe('self')
        expect(verdictWith(mountinfo, [], mayMount, other)).toBe('not-self')
      },
    )

    test('where the engine knows an id of ours, we are not in another of its containers', () => {
      const [, [, mountinfo] = ['', '']] = places
      expect(verdictWith(mountinfo, [third])).toBe('not-self')
      const userdata = `/containers/storage/overlay-containers/${third}/userdata/.containerenv`
      expect(verdictWith(bind(userdata, '/run/.containerenv'), [third])).toBe('not-self')
      const { judge, suspects } = selfFrom({ ...ofHost, cgroup: `0::/docker/${third}`, mountinfo }, undefined)
      expect(judge({ id: own, name: 'outer', selfMarks: mayMount })).toBe('unknown')
      suspects({ id: third, names: [] })
      expect(judge({ id: own, name: 'outer', selfMarks: mayMount })).toBe('not-self')
    })

    test('or has a container on our layer', () => {
      const files = filesIn('/srv/agent')
      const { judge } = selfFrom(
        { ...ofContainer, mountinfo: `${overlay(layerOf(third))}\n${files}` },
        undefined,
      )
      expect(judge({ id: own, name: 'leak', selfMarks: mayMount })).toBe('unknown')
      expect(judge({ id: third, name: 'agent', selfMarks: marksOf(third) })).toBe('self')
      expect(judge({ id: own, name: 'leak', selfMarks: mayMount })).toBe('not-self')
    })

    test('on a host it is another container', () => {
      expect(judged(ofHost, own, mayMount)).toBe('not-self')
    })
  })

  test.each(['/', '/var/lib', '/var/lib/docker', '/var/lib/docker/containers'])(
    'a leak that has %s of the host mounted is not around us',
    (source) => {
      const traces = { ...ofContainer, mountinfo: `${overlay(layerOf(own))}\n${filesIn(dockerFolder(own))}` }
      expect(judged(traces, other, marksOf(other, { mounts: [mountOf(source)] }))).toBe('not-self')
    },
  )

  test('nor is one that has a file of ours mounted', () => {
    const traces = { ...ofContainer, mountinfo: filesIn(dockerFolder(own)) }
    const mounts = [mountOf(`${dockerFolder(own)}/hosts`)]
    expect(judged(traces, other, marksOf(other, { mounts }))).toBe('not-self')
  })

  test('unknown-is-spared: one of unknown files that has all of the host mounted may be', () => {
    const traces = { ...ofContainer, mountinfo: filesIn(dockerFolder(own)) }
    const marks = marksOf(other, { hostnamePath: '', mounts: [mountOf('/')] })
    expect(judged(traces, other, marks)).toBe('unknown')
  })

  test('the container whose layer holds our files is around ours', () => {
    const file = `49 48 0:60 ${dockerFolder(third)}/hosts /etc/hosts rw - overlay overlay rw,upperdir=${layerOf(own)}`
    const traces = { ...ofContainer, mountinfo: `${overlay('/inner/upper')}\n${file}` }
    expect(judged(traces, own, marksOf(own))).toBe('self')
    expect(judged(traces, own, bareMarksOf(own))).toBe('unknown')
    expect(judged(traces, other, marksOf(other))).toBe('not-self')
  })

  test('unknown-is-spared: a layer without a name may hold our files', () => {
    const folder = `/var/lib/docker/vfs/dir/${idOf('d4')}/var/lib/docker/containers/${third}`
    expect(judged({ ...ofContainer, mountinfo: filesIn(folder) }, own, bareMarksOf(own))).toBe('unknown')
  })

  test('unknown-is-spared: files in memory, made by an engine of another kind, may be anywhere', () => {
    const mountinfo = filesIn(`/containers/storage/overlay-containers/${third}/userdata`, 'tmpfs')
    expect(judged({ ...ofContainer, mountinfo }, own, marksOf(own))).toBe('unknown')
  })
})

describe('on a host no container is this process', () => {
  test.each<[string, Partial<SelfTraces>]>([
    ['a session', {}],
    [
      'a service',
      { cgroup: '12:pids:/system.slice/agent.service\n1:name=systemd:/system.slice/agent.service\n' },
    ],
    [
      'a service with mounts of its own',
      { mountinfo: `${bind('/', '/')}\n${bind('/etc/hosts', '/etc/hosts')}` },
    ],
    ['a folder that was changed to', { mountinfo: '' }],
    [
      'the mounts of other containers',
      { mountinfo: `${bind('/', '/')}\n${overlay(layerOf(own), `/var/lib/docker/overlay2/x/merged`)}` },
    ],
    [
      'a file of a container that is mounted elsewhere',
      { mountinfo: bind(`${dockerFolder(own)}/hosts`, '/backup/hosts') },
    ],
    ['a root that is an overlay, as a live system has', { mountinfo: overlay('/media/root-rw/overlay') }],
    ['a machine made from an image', { hasMarkerFile: true }],
    ['a variable that was set by hand', { containerVariable: 'podman' }],
    [
      'a service of systemd with namespaces of its own, the first process of its own',
      {
        cgroupNamespace: 'cgroup:[4026532541]',
        pidNamespace: 'pid:[4026532542]',
        cgroup: '0::/',
        firstCgroup: '0::/',
        firstName: 'node',
        pids: '1',
        isStartedBySystemd: true,
      },
    ],
    [
      'a service of systemd with a cgroup namespace of its own',
      {
        cgroupNamespace: 'cgroup:[4026532541]',
        cgroup: '0::/',
        firstCgroup: '0::/../../init.scope',
        isStartedBySystemd: true,
      },
    ],
    [
      'a machine that is a container of LXC',
      {
        cgroupNamespace: 'cgroup:[4026532541]',
        pidNamespace: 'pid:[4026532542]',
        containerManager: 'lxc',
        mountinfo: bind('/rootfs', '/'),
        firstMountinfo: bind('/rootfs', '/'),
      },
    ],
    ...['init', 'init(Ubuntu)', 'systemd', 'init-systemd(Ub'].map(
      (firstName): [string, Partial<SelfTraces>] => [
        `a machine of WSL, started by ${firstName}`,
        { pidNamespace: 'pid:[4026532542]', firstName, firstCgroup: '0::/' },
      ],
    ),
    ['a kernel without such namespaces', { cgroupNamespace: '', pidNamespace: '' }],
    [
      'lines that are cut short',
      { mountinfo: '1\n1 2 3\n\n', cgroup: `12:pids:/docker/${own.slice(0, 63)}\n` },
    ],
    ['a system without any of it', { cgroup: '', mountinfo: '', cgroupNamespace: '', pidNamespace: '' }],
  ])('%s', (_, traces) => {
    const { mayBeContained, judge, suspects } = selfFrom({ ...ofHost, ...traces }, undefined)
    expect(mayBeContained).toBe(false)
    expect(suspects({ id: own, names: [] })).toBe(false)
    expect(judge({ id: own, name: 'task', selfMarks: marksOf(own) })).toBe('not-self')
  })
})

describe('unknown-is-spared: what may be a container is treated as one', () => {
  const own = { cgroupNamespace: ofContainer.cgroupNamespace }
  test.each<[string, Partial<SelfTraces>]>([
    ['a marker file, and a cgroup namespace', { ...own, hasMarkerFile: true }],
    ['a marker file, and a pid namespace', { hasMarkerFile: true, pidNamespace: ofContainer.pidNamespace }],
    ['Podman’s variable, and a cgroup namespace', { ...own, containerVariable: 'podman' }],
    ['a root that is a folder', { ...own, mountinfo: bind('/var/lib/docker/vfs/dir/x', '/') }],
    ['a root that is an overlay', { ...own, mountinfo: overlay('/some/upper') }],
    ['a root that cannot be seen', { ...own, mountinfo: '' }],
    ['a root on a container’s layer', { mountinfo: overlay(layerOf(third)) }],
    ['a root on a snapshot', { mountinfo: overlay('/var/lib/docker/containerd/daemon/snapshots/42/fs') }],
    ['an engine’s file', { mountinfo: bind(`${dockerFolder(third)}/hosts`, '/etc/hosts') }],
    ['Podman’s own file', { mountinfo: bind(`/x/${third}/userdata/.containerenv`, '/run/.containerenv') }],
    ['a cgroup', { cgroup: `0::/docker/${third}` }],
  ])('%s', (_, traces) => {
    expect(selfFrom({ ...ofHost, ...traces }, undefined).mayBeContained).toBe(true)
  })
})

describe('unknown-is-spared: a process whose root or mounts do not show its container', () => {
  // As recorded on dockerd 28 and Podman 5.8, with cgroups v2; the root of the host is a file system from its top.
  const hidden: SelfTraces = {
    ...ofHost,
    cgroup: '0::/',
    cgroupNamespace: ofContainer.cgroupNamespace,
    pidNamespace: ofContainer.pidNamespace,
  }
  const ofHostFromOutside: Partial<SelfTraces> = { firstCgroup: '0::/../../init.scope' }
  const inJail: SelfTraces = { ...hidden, firstCgroup: '0::/', firstName: 'sh', pids: '37' }
  const userdata = `/containers/storage/overlay-containers/${own}/userdata`

  test.each<[string, SelfTraces]>([
    ['the host’s root and /proc', { ...hidden, ...ofHostFromOutside, pids: '17460\t17' }],
    ['the same, started by systemd', { ...hidden, pids: '17460\t17', isStartedBySystemd: true }],
    ['the same on a machine of LXC', { ...hidden, pids: '17460\t17', containerManager: 'lxc' }],
    [
      'the host’s root and pids',
      { ...hidden, ...ofHostFromOutside, pidNamespace: ofHost.pidNamespace, pids: '17335' },
    ],
    [
      'the mounts that nsenter entered, with cgroups v1',
      { ...hidden, firstCgroup: '2:cpu:/../..\n0::/', pidNamespace: ofHost.pidNamespace },
    ],
    ['a root of its own, in Docker', { ...inJail, firstMountinfo: overlay(layerOf(own)) }],
    [
      'a root of its own, beside the files of Docker',
      { ...inJail, firstName: 'systemd', firstMountinfo: `${bind('/', '/')}\n${filesIn(dockerFolder(own))}` },
    ],
    [
      'a root of its own, beside the file of Podman',
      {
        ...inJail,
        firstName: 'systemd',
        firstMountinfo: `${bind('/', '/')}\n${bind(`${userdata}/.containerenv`, '/run/.containerenv')}`,
      },
    ],
    [
      'a root of its own, and systemd in the container',
      { ...inJail, firstMountinfo: bind('/vfs/x', '/'), firstName: 'systemd' },
    ],
    ['a root of its own, where it is the first process', { ...inJail, firstName: 'node', pids: '1' }],
    [
      'a /proc that hides the first process',
      { ...hidden, firstMountinfo: '', firstCgroup: '', firstName: '' },
    ],
    ['no mounts of the first process', { ...hidden, firstMountinfo: '' }],
    ['no cgroup of the first process', { ...hidden, firstCgroup: '' }],
    ['no pids', { ...hidden, pids: '' }],
  ])('that sees %s may be in any container', (_, traces) => {
    const { mayBeContained, judge } = selfFrom(traces, undefined)
    expect(mayBeContained).toBe(true)
    expect(judge({ id: own, name: 'agent', selfMarks: marksOf(own) })).toBe('unknown')
  })
})

describe('not-self: named by the owner', () => {
  const agent = { id: own, names: ['agent', 'stack/agent'] }
  const inspected = { id: own, name: 'agent', selfMarks: marksOf(own) }

  test.each([
    ['the full id', own],
    ['the start of the id', own.slice(0, 12)],
    ['the name', 'agent'],
    ['the name as the engine writes it', '/agent'],
  ])('by %s, on a host as well', (_, name) => {
    expect(selfFrom(ofHost, name).suspects(agent)).toBe(true)
    expect(selfFrom(ofHost, name).judge(inspected)).toBe('self')
    expect(selfFrom(ofHost, name).suspects({ id: third, names: ['task'] })).toBe(false)
  })

  test('by a further name, which only a listing has', () => {
    const { suspects, judge } = selfFrom(ofHost, 'stack/agent')
    expect(suspects(agent)).toBe(true)
    expect(judge(inspected)).toBe('self')
  })

  test.each(['agen', 'agent2', 'Agent', own.slice(1), ''])('%s is another', (name) => {
    expect(selfFrom(ofHost, name).suspects(agent)).toBe(false)
    expect(selfFrom(ofHost, name).judge(inspected)).toBe('not-self')
  })

  test('a wrong name does not undo what is proved', () => {
    const traces = { ...ofContainer, mountinfo: overlay(layerOf(own)) }
    expect(judged(traces, own, marksOf(own), 'agnet')).toBe('self')
    expect(judged({ ...ofContainer, cgroup: `0::/docker/${own}` }, own, marksOf(own), 'agnet')).toBe('self')
  })

  test('unknown-is-spared: a name unknown to the engine settles nothing, a full id does', () => {
    const traces = { ...ofContainer, mountinfo: filesIn('/srv/agent') }
    expect(judged(traces, own, bareMarksOf(own), 'agnet')).toBe('unknown')
    expect(judged(traces, own, bareMarksOf(own), other.slice(0, 12))).toBe('unknown')
    expect(judged(traces, own, bareMarksOf(own), other)).toBe('not-self')
    const { suspects, judge } = selfFrom(traces, 'agent')
    expect(judge({ id: other, name: 'task', selfMarks: bareMarksOf(own) })).toBe('unknown')
    suspects({ id: own, names: ['agent'] })
    expect(judge({ id: other, name: 'task', selfMarks: bareMarksOf(own) })).toBe('not-self')
  })

  test('unknown-is-spared: a host name settles nothing between containers that may have the same one', () => {
    const traces = { ...ofContainer, mountinfo: filesIn(dockerFolder(third)), hostname: 'agent' }
    const verdictOn = (id: string, named: string, selfMarks: SelfMarks) => {
      const { judge, suspects } = selfFrom(traces, named)
      suspects({ id: third, names: ['agent', 'stack/agent'] })
      return judge({ id, name: 'task', selfMarks })
    }
    for (const named of ['agent', third, third.slice(0, 12)]) {
      expect(verdictOn(own, named, bareMarksOf(third))).toBe('unknown')
      expect(verdictOn(own, named, bareMarksOf(own, { mounts: [mountOf(dockerFolder(third))] }))).toBe(
        'not-self',
      )
    }
    expect(verdictOn(own, 'stack/agent', bareMarksOf(third))).toBe('not-self')
  })

  test('another word does not undo what our files prove', () => {
    const traces = { ...ofContainer, mountinfo: filesIn(dockerFolder(own)) }
    expect(judged(traces, own, bareMarksOf(own), other)).toBe('self')
    const { judge } = selfFrom(traces, 'agent')
    expect(judge({ id: own, name: '', selfMarks: bareMarksOf(own) })).toBe('self')
  })

  test('unknown-is-spared: found by its name once, it stays found when the engine gives it no name', () => {
    const { suspects, judge } = selfFrom(ofHost, 'agent')
    expect(suspects(agent)).toBe(true)
    expect(suspects({ id: own, names: [] })).toBe(true)
    expect(judge({ ...inspected, id: third, name: '' })).toBe('not-self')
  })

  test('unknown-is-spared: until its name was seen, any container without a name may be it', () => {
    expect(selfFrom(ofHost, 'agent').judge({ ...inspected, name: '' })).toBe('unknown')
    expect(selfFrom(ofHost, own.slice(0, 12)).judge({ ...inspected, id: third, name: '' })).toBe('not-self')
    expect(selfFrom(ofHost, undefined).judge({ ...inspected, name: '' })).toBe('not-self')
  })
})

test('this process can be examined', async () => {
  const traces = await readSelfTraces()
  const { hasMarkerFile, isStartedBySystemd, ...texts } = traces
  expect([typeof hasMarkerFile, typeof isStartedBySystemd]).toEqual(['boolean', 'boolean'])
  expect(Object.values(texts).every((trace) => typeof trace === 'string')).toBe(true)
  if (process.platform === 'linux') {
    expect(traces.cgroup).toMatch(/^\d+:/)
    expect(traces.mountinfo).toMatch(/ - /)
    expect(traces.pidNamespace).toMatch(/^pid:\[\d+\]$/)
    expect(traces.pids.split('\t').at(-1)).toBe(String(process.pid))
  }
})
