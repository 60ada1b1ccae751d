import { describe, expect, test } from 'vitest'
import type { ContainerSummary, HolderMarks, SharedNamespaces } from '../../src/domain/container.ts'
import { type Named, type Rejoined, rejoined } from '../../src/policy/rejoining.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const guestId = fakeId(1)
const [web, other] = [fakeId(2), fakeId(3)]
const startedAtMs = 100_000

const named = (id: typeof web, name: string, createdAtMs = 50_000) => summary({ id, name, createdAtMs })

function among(containers: readonly ContainerSummary[], areNamed = true): Named {
  return {
    byName: (name) => containers.filter(({ names }) => names.includes(name)),
    oldestWithId: (prefix) => containers.find(({ id }) => id.startsWith(prefix)),
    areNamed,
  }
}

interface Seen {
  readonly namespaces?: Partial<SharedNamespaces>
  readonly state?: string
  readonly inspectedState?: string
  readonly startedAtMs?: number | undefined
  /** Whose files its inspection shows. */
  readonly files?: string
  readonly marks?: Partial<HolderMarks>
  /** The entry of the guest in the listing could not be read. */
  readonly isUnreadable?: boolean
  readonly listed?: Named
  readonly before?: Rejoined | undefined
}

async function rejoin(seen: Seen): Promise<Rejoined> {
  const { state = 'running', listed = among([named(web, 'web')]) } = seen
  const engine = createFakeEngine(createFakeClock())
  engine.add({ id: guestId, namespaces: seen.namespaces ?? { network: 'container:web' } })
  const { signal } = new AbortController()
  const inspection = await engine.inspect(guestId, { deadlineMs: 1000, signal })
  const path = seen.files === undefined ? '' : `/var/lib/docker/containers/${seen.files}`
  return rejoined(
    summary({ id: guestId, state, unreadable: seen.isUnreadable ? 'it is too large' : undefined }),
    {
      ...inspection,
      state: seen.inspectedState ?? state,
      startedAtMs: 'startedAtMs' in seen ? seen.startedAtMs : startedAtMs,
      selfMarks: {
        ...inspection.selfMarks,
        hostnamePath: path && `${path}/hostname`,
        hostsPath: path && `${path}/hosts`,
        resolvConfPath: path && `${path}/resolv.conf`,
        ...seen.marks,
      },
    },
    listed,
    seen.before,
  )
}

describe('protected: the holder of a guest that refers to it by name', () => {
  test('is what has the name, if it existed at the last start', async () => {
    const found = await rejoin({})
    expect([found.holders, found.unknown]).toEqual([[web], undefined])
  })

  test('is unknown if what has the name was created since, which a later start would join all the same', async () => {
    const { holders, unknown } = await rejoin({ listed: among([named(web, 'web', startedAtMs + 1001)]) })
    expect([holders, unknown?.beforeMs, unknown?.spaces]).toEqual([[web], startedAtMs, ['network']])
  })

  test.each(['web', '4f9fe6a11204'])('is unknown if no container is called %s', async (called) => {
    const namespaces = { network: `container:${called}` }
    const { unknown } = await rejoin({ namespaces, listed: among([named(web, 'renamed')]) })
    expect(unknown).toEqual({ guest: guestId, spaces: ['network'], beforeMs: startedAtMs })
  })

  test('is unknown until every name is known', async () => {
    const listed = among([named(web, 'web')], false)
    const before = await rejoin({ listed })
    expect(before.unknown).toBeDefined()
    expect((await rejoin({ before })).unknown).toBeUndefined()
  })

  test('is the one whose files the guest shows, whatever has the name', async () => {
    const { holders, unknown } = await rejoin({ files: other })
    expect([[...holders].toSorted(), unknown]).toEqual([[web, other].toSorted(), undefined])
  })

  test('is not shown by files of its own, nor for another namespace than the network', async () => {
    const listed = among([])
    expect((await rejoin({ files: guestId, listed })).unknown).toBeDefined()
    const { unknown } = await rejoin({ namespaces: { pid: 'container:web' }, files: other, listed })
    expect(unknown?.spaces).toEqual(['pid'])
  })

  test.each(['/backup', '.bak'])('is not shown by a path that goes on with %s', async (more) => {
    const hostname = `/var/lib/docker/containers/${other}/hostname${more}`
    const { holders } = await rejoin({ marks: { hostnamePath: hostname } })
    expect(holders).toEqual([web])
  })

  test.each([
    ['hostnamePath', 'hostname'],
    ['hostsPath', 'hosts'],
    ['resolvConfPath', 'resolv.conf'],
  ])('is shown by %s alone', async (mark, file) => {
    const marks = { [mark]: `/var/lib/docker/containers/${other}/${file}` }
    expect((await rejoin({ marks })).holders.toSorted()).toEqual([web, other].toSorted())
  })

  test('is found by its id elsewhere, if the name is the beginning of an id, and it existed at the last start', async () => {
    const namespaces = { network: `container:${web.slice(0, 12)}` }
    const { holders, unknown } = await rejoin({ namespaces })
    expect([holders, unknown]).toEqual([[], undefined])
    const since = among([named(web, 'web', startedAtMs + 1001)])
    expect((await rejoin({ namespaces, listed: since })).unknown?.spaces).toEqual(['network'])
  })

  test('is assumed to be what has the name, where the last start is not dated', async () => {
    const { holders, unknown } = await rejoin({ startedAtMs: undefined })
    expect([holders, unknown]).toEqual([[web], undefined])
  })

  test('stays known after it was renamed or removed, until the guest is started again', async () => {
    const before = await rejoin({})
    const listed = among([named(web, 'renamed')])
    expect((await rejoin({ before, listed })).holders).toEqual([web])
    expect((await rejoin({ before, listed, state: 'exited' })).holders).toEqual([web])
    const again = await rejoin({ before, listed, startedAtMs: startedAtMs + 5000 })
    expect([again.holders, again.unknown?.beforeMs]).toEqual([[], startedAtMs + 5000])
  })

  test.each(['created', 'exited', 'dead'])('is not unknown while the guest is %s', async (state) => {
    const listed = among([])
    expect((await rejoin({ state, listed })).unknown).toBeUndefined()
    expect((await rejoin({ state, inspectedState: 'running', listed })).unknown).toBeDefined()
    expect((await rejoin({ state: 'running', inspectedState: state, listed })).unknown).toBeDefined()
  })

  test('is not unknown while the guest is at rest by its inspection, if its entry could not be read', async () => {
    const listed = among([])
    const unread = { isUnreadable: true, state: '', listed }
    expect((await rejoin({ ...unread, inspectedState: 'exited' })).unknown).toBeUndefined()
    expect((await rejoin({ ...unread, inspectedState: 'running' })).unknown).toBeDefined()
  })

  test.each(['stopped', 'restarting', 'paused'])('is unknown while the guest is %s', async (state) => {
    expect((await rejoin({ state, listed: among([]) })).unknown).toBeDefined()
  })

  test('is what a start would join, if the guest has never run', async () => {
    const found = await rejoin({ state: 'created', startedAtMs: undefined })
    expect([found.holders, found.unknown]).toEqual([[web], undefined])
    // Nothing that had the name before was ever joined.
    const listed = among([named(web, 'renamed'), named(other, 'web')])
    const later = await rejoin({ state: 'created', startedAtMs: undefined, listed, before: found })
    expect([later.holders, later.unknown]).toEqual([[other], undefined])
  })
})

test('protected: what a guest by path uses is unknown while it runs', async () => {
  const namespaces = { network: 'ns:/run/netns/web', pid: 'ns:/proc/1/ns/pid' }
  expect((await rejoin({ namespaces })).unknown).toEqual({
    guest: guestId,
    spaces: ['network', 'pid'],
    beforeMs: startedAtMs,
  })
  expect((await rejoin({ namespaces, state: 'exited' })).unknown).toBeUndefined()
})
