import { describe, expect, test } from 'vitest'

import { type ContainerId, parseContainerId } from '../src/ids.ts'
import { readSelfTraces, selfFrom, type SelfTraces } from '../src/self.ts'
import { summary } from './support/summary.ts'

/** Ids that differ from their first digit on. */
const idOf = (digits: string) => parseContainerId(digits.padEnd(64, digits)) as ContainerId

const [own, other, third] = [idOf('a1'), idOf('b2'), idOf('c3')]
const nothing: SelfTraces = { cgroup: '', mountinfo: '', hostname: 'builder' }

/** Which of three containers the traces name. */
function named(traces: Partial<SelfTraces>, name?: string): readonly string[] {
  const isSelf = selfFrom({ ...nothing, ...traces }, name)
  return [own, other, third].filter((id) => isSelf(summary({ id })))
}

const mountsOf = (id: string) =>
  [
    '1189 970 0:56 / / rw,relatime master:301 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B',
    '1190 1189 0:60 / /proc rw,nosuid - proc proc rw',
    `1217 1189 8:1 /var/lib/docker/containers/${id}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw`,
    `1218 1189 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw`,
    `1219 1189 8:1 /var/lib/docker/containers/${id}/hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw`,
    '1220 1191 0:59 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k',
  ].join('\n')

describe('not-self: the traces that a container leaves in its own process', () => {
  test.each<[string, Partial<SelfTraces>]>([
    [
      'cgroup v1 of Docker',
      { cgroup: `12:pids:/docker/${own}\n11:memory:/docker/${own}\n1:name=systemd:/docker/${own}\n` },
    ],
    ['cgroup v1 with the systemd driver', { cgroup: `4:cpu,cpuacct:/system.slice/docker-${own}.scope\n` }],
    ['cgroup v2 of the host', { cgroup: `0::/system.slice/docker-${own}.scope\n` }],
    ['cgroup v1 within a pod', { cgroup: `3:cpu:/kubepods/besteffort/pod0e3c/${own}\n` }],
    [
      'cgroup v2 of Podman',
      {
        cgroup: `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${own}.scope/container\n`,
      },
    ],
    ['cgroup v1 of rootful Podman', { cgroup: `9:pids:/machine.slice/libpod-${own}.scope\n` }],
    [
      'mountinfo of Docker, with a cgroup namespace of its own',
      { cgroup: '0::/\n', mountinfo: mountsOf(own) },
    ],
    [
      'mountinfo of Docker with another data root',
      { mountinfo: `1 2 8:1 /data/docker/containers/${own}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n` },
    ],
    [
      'mountinfo of rootful Podman',
      {
        cgroup: '0::/\n',
        mountinfo: `680 663 0:23 /containers/storage/overlay-containers/${own}/userdata/hostname /etc/hostname rw,nosuid - tmpfs tmpfs rw\n`,
      },
    ],
    [
      'mountinfo of rootless Podman',
      {
        mountinfo: `9 8 0:44 /containers/overlay-containers/${own}/userdata/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw\n`,
      },
    ],
    ['the hostname', { hostname: own.slice(0, 12) }],
  ])('%s', (_, traces) => {
    expect(named(traces)).toEqual([own])
  })

  test('an engine within an engine: the outer container and the inner one are both named', () => {
    expect(named({ cgroup: `5:devices:/docker/${own}/docker/${other}\n` })).toEqual([own, other])
  })
})

describe('on a host nothing is taken for the agent itself', () => {
  test.each<[string, Partial<SelfTraces>]>([
    ['a session of the host', { cgroup: '0::/user.slice/user-1000.slice/session-3.scope\n' }],
    [
      'a service of the host',
      { cgroup: '12:pids:/system.slice/agent.service\n1:name=systemd:/system.slice/agent.service\n' },
    ],
    [
      'the mounts of other containers',
      {
        mountinfo: [
          '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
          `301 25 0:52 / /var/lib/docker/containers/${own}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k`,
          `310 25 0:55 / /var/lib/docker/containers/${other}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k`,
          `320 25 0:58 / /var/lib/containers/storage/overlay-containers/${third}/userdata/shm rw - tmpfs shm rw`,
          '330 25 0:60 / /var/lib/docker/overlay2/abcdef/merged rw - overlay overlay rw',
        ].join('\n'),
      },
    ],
    [
      'a folder of a container that is mounted somewhere else',
      {
        mountinfo: `40 25 8:1 /var/lib/docker/containers/${own}/hostname /backup/hostname rw - ext4 /dev/sda1 rw\n`,
      },
    ],
    [
      'an own file that comes from somewhere else',
      { mountinfo: '40 25 8:1 /etc/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n' },
    ],
    ['a name of the host that is too short', { hostname: own.slice(0, 11) }],
    ['a name of the host that is too long', { hostname: own.slice(0, 13) }],
    ['no name', { hostname: '' }],
    [
      'lines that are cut short',
      { mountinfo: '1\n1 2 3\n\n', cgroup: `12:pids:/docker/${own.slice(0, 63)}\n` },
    ],
    ['nothing at all', {}],
  ])('%s', (_, traces) => {
    expect(named(traces)).toEqual([])
  })

  test('this very process can be looked at', async () => {
    const traces = await readSelfTraces()
    expect(Object.values(traces).every((trace) => typeof trace === 'string')).toBe(true)
    expect(traces.hostname).not.toBe('')
  })
})

describe('not-self: named by the owner', () => {
  const agent = summary({ id: own, names: ['agent', 'stack/agent'] })

  test.each([
    ['the full id', own],
    ['the start of the id', own.slice(0, 12)],
    ['the name', 'agent'],
    ['the name as the engine writes it', '/agent'],
    ['a further name', 'stack/agent'],
  ])('by %s', (_, name) => {
    expect(selfFrom(nothing, name)(agent)).toBe(true)
    expect(selfFrom(nothing, name)(summary({ id: third, names: ['task'] }))).toBe(false)
  })

  test.each(['agen', 'agent2', 'Agent', own.slice(1)])('%s is another', (name) => {
    expect(selfFrom(nothing, name)(agent)).toBe(false)
  })

  test('beside what the traces name', () => {
    expect(named({ cgroup: `0::/docker/${own}` }, other)).toEqual([own, other])
  })

  test('unknown-is-spared: found by its name once, it stays found when the engine gives it no name', () => {
    const isSelf = selfFrom(nothing, 'agent')
    expect(isSelf(agent)).toBe(true)
    expect(isSelf(summary({ id: own, names: [] }))).toBe(true)
    expect(isSelf(summary({ id: third, names: [] }))).toBe(false)
  })

  test('unknown-is-spared: until its name was seen, whatever the engine gives no name may be it', () => {
    expect(selfFrom(nothing, 'agent')(summary({ id: own, names: [] }))).toBe(true)
    expect(selfFrom(nothing, own.slice(0, 12))(summary({ id: third, names: [] }))).toBe(false)
    expect(selfFrom(nothing, undefined)(summary({ id: own, names: [] }))).toBe(false)
  })
})

describe('not-self: an agent in the network of another container has that one’s hostname and files', () => {
  const holder = own
  const traces = { ...nothing, cgroup: '0::/\n', mountinfo: mountsOf(holder), hostname: holder.slice(0, 12) }
  const guest = summary({ id: other, networkMode: `container:${holder}` })

  test('so the holder and its guests may all be the agent, and are spared', () => {
    const isSelf = selfFrom(traces, undefined)
    expect(isSelf(summary({ id: holder }))).toBe(true)
    expect(isSelf(guest)).toBe(true)
    expect(isSelf(summary({ id: third, networkMode: `container:${idOf('d4')}` }))).toBe(false)
    expect(isSelf(summary({ id: third, networkMode: 'host' }))).toBe(false)
  })

  test('also where the hostname alone tells', () => {
    expect(selfFrom({ ...nothing, hostname: holder.slice(0, 12) }, undefined)(guest)).toBe(true)
  })

  test('unless the cgroup, or the owner, says which one it is', () => {
    expect(selfFrom({ ...traces, cgroup: `0::/docker/${holder}` }, undefined)(guest)).toBe(false)
    expect(selfFrom(traces, 'agent')(guest)).toBe(false)
    expect(selfFrom(traces, other)(guest)).toBe(true)
  })
})
