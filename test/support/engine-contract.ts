import type Docker from 'dockerode'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { EngineEvent } from '../../src/engine/port.ts'
import { actionsFollowed } from '../../src/scanning/hint.ts'
import { EngineContainers, statusOf } from './engine-containers.ts'
import { plainRequest } from './engine-http.ts'
import type { EngineUnderTest } from './engine-matrix.ts'
import { until } from './engine-process.ts'

/** An engine for the contract: it is up, empty, and used by nothing else. */
export interface ContractSubject {
  readonly docker: Docker
  /** An image that contains `sh`, `sleep` and `false`. */
  readonly image: string
  /** Settings that every container needs here. */
  readonly hostConfig?: Docker.HostConfig
  /** Creates an image with labels, and returns its name. */
  labelledImage(labels: Readonly<Record<string, string>>): Promise<string>
}

/**
 * Differences between engines that Flotsam must tolerate. A test below proves each, so that a changed engine fails the
 * suite.
 */
export interface EngineTraits {
  /** The listing contains `HostConfig.NetworkMode`. Otherwise only an inspection shows shared namespaces. */
  readonly listsNetworkMode: boolean
  /** A container that crashes over and over is `restarting` in between; Podman shows `stopped` and `running`. */
  readonly showsRestarting: boolean
  /** The status of a forced removal of the holder of a running guest's network namespace. */
  readonly removalOfHolder: 204 | 500
  /** The status of an unforced removal of a running container. */
  readonly unforcedRemovalOfRunning: 409 | 500
  /** The status of a kill of an exited container. */
  readonly killOfExited: 409 | 500
  /** The status of a stop of a paused container. If it is not 204, the container stays paused. */
  readonly stopOfPaused: 204 | 500
  /** The possible statuses of the second of two concurrent removals. */
  readonly secondRemovalAtOnce: readonly number[]
  /** A forced removal sends SIGKILL immediately; otherwise only after SIGTERM and the container's stop timeout. */
  readonly forceKillsAtOnce: boolean
}

export const dockerdTraits: EngineTraits = {
  listsNetworkMode: true,
  showsRestarting: true,
  removalOfHolder: 204,
  unforcedRemovalOfRunning: 409,
  killOfExited: 409,
  stopOfPaused: 204,
  secondRemovalAtOnce: [204, 404, 409],
  forceKillsAtOnce: true,
}

export const podmanTraits: EngineTraits = {
  listsNetworkMode: false,
  showsRestarting: false,
  removalOfHolder: 500,
  unforcedRemovalOfRunning: 500,
  killOfExited: 500,
  stopOfPaused: 500,
  secondRemovalAtOnce: [204, 404],
  forceKillsAtOnce: false,
}

/** Returns the traits of an engine. */
export function traitsOf({ kind, version }: EngineUnderTest): EngineTraits {
  if (kind === 'dockerd') return dockerdTraits
  return version.startsWith('4.') ? podmanTraits : { ...podmanTraits, killOfExited: 409 }
}

const unknownId = 'f'.repeat(64)
const settleDeadlineMs = 30_000

/** Defines, inside the caller's `describe`, tests for everything that Flotsam relies on. */
export function defineEngineContract(subject: () => ContractSubject, traits: EngineTraits): void {
  const tools = (): ContractTools => new ContractTools(subject())
  describe('listing', () => defineListing(tools, traits))
  describe('removal', () => defineRemoval(tools, traits))
  describe('shared network namespaces', () => defineSharing(tools, traits))
  describe('labels of images', () => defineImageLabels(tools))
  describe('events', () => defineEvents(tools))
  describe('identity', () => defineIdentity(tools))
  describe('stopping and killing', () => defineStopping(tools, traits))
}

function defineIdentity(tools: () => ContractTools): void {
  it('something distinguishes it from other engines, and stays the same', async () => {
    const engine = createDockerodeEngine({ engine: tools().docker, clock: systemClock })
    const first = await engine.identity({ deadlineMs: settleDeadlineMs })
    expect(first).toMatch(/./)
    expect(await engine.identity({ deadlineMs: settleDeadlineMs })).toBe(first)
  })
}

/** Uses our own adapter, so that engines with different names for actions compare as equal. */
function defineEvents(tools: () => ContractTools): void {
  const owned = { 'com.example.agent': 'agent-7' }

  /** The container events during `act`, up to the given last one. */
  async function received(
    word: string,
    act: (containers: EngineContainers) => Promise<string>,
  ): Promise<EngineEvent[]> {
    const { docker, containers } = tools()
    const abort = new AbortController()
    const events: EngineEvent[] = []
    let isOpen = false
    const following = createDockerodeEngine({ engine: docker, clock: systemClock })
      .events({
        signal: abort.signal,
        actions: actionsFollowed,
        onOpen: () => (isOpen = true),
        onEvent: (event) => events.push(event),
      })
      .catch((error: unknown) => error)
    await until(() => isOpen, settleDeadlineMs, 'an open stream of events')
    const id = await act(containers)
    const isReported = () => events.some((event) => event.id === id && isAction(event, word))
    await until(isReported, settleDeadlineMs, `the event ${word}`)
    abort.abort()
    expect(await following).toMatchObject({ kind: 'timed-out' })
    return events.filter((event) => event.id === id)
  }

  const words: Readonly<Record<string, readonly string[]>> = {
    die: ['die', 'died'],
    destroy: ['destroy', 'remove'],
  }
  const isAction = ({ action }: EngineEvent, word: string) => (words[word] ?? [word]).includes(action)

  it('the stream opens while nothing happens, and emits a start with the labels and the name', async () => {
    const events = await received('start', (containers) => containers.run({ labels: owned, name: 'started' }))
    const start = events.find((event) => isAction(event, 'start'))
    expect(start).toMatchObject({ name: 'started', labels: owned })
    expect(events.some((event) => isAction(event, 'create'))).toBe(true)
  })

  it('emits an end, and a removal', async () => {
    const events = await received('destroy', async (containers) => {
      const id = await containers.run({ labels: owned })
      await tools().forceRemove(id)
      return id
    })
    expect(events.some((event) => isAction(event, 'die'))).toBe(true)
  })
}

/** Helpers for the tests below. */
class ContractTools {
  readonly docker: Docker
  readonly containers: EngineContainers
  readonly subject: ContractSubject

  constructor(subject: ContractSubject) {
    this.subject = subject
    this.docker = subject.docker
    this.containers = new EngineContainers(subject.docker, subject.image, subject.hostConfig)
  }

  /** The container's entry in a complete listing; undefined if it is omitted. */
  async row(id: string): Promise<Docker.ContainerInfo | undefined> {
    return (await this.docker.listContainers({ all: true })).find((row) => row.Id === id)
  }

  async ids(filters?: Record<string, string[]>): Promise<string[]> {
    const rows = await this.docker.listContainers({
      all: true,
      ...(filters === undefined ? {} : { filters }),
    })
    return rows.map((row) => row.Id)
  }

  async forceRemove(id: string, query = ''): Promise<number> {
    return (await plainRequest(this.docker, 'DELETE', `/containers/${id}?force=1${query}`)).status
  }

  /** Creates a container in that state. */
  async inState(state: string): Promise<string> {
    if (state === 'created') return this.containers.create()
    if (state === 'exited') {
      const id = await this.containers.run({ cmd: ['true'] })
      await this.docker.getContainer(id).wait()
      await this.containers.settled(id, 'exited')
      return id
    }
    if (state === 'restarting') return this.crashing()
    const id = await this.containers.run()
    if (state === 'paused') await this.docker.getContainer(id).pause()
    return id
  }

  /** Creates a container in a crash loop; the engine waits longer before each restart. */
  async crashing(): Promise<string> {
    const id = await this.containers.run({
      cmd: ['false'],
      hostConfig: { RestartPolicy: { Name: 'always' } },
    })
    await until(
      async () => (await this.row(id))?.State === 'restarting',
      settleDeadlineMs,
      'a restarting container',
    )
    return id
  }

  async volumesAt(id: string): Promise<Record<string, string>> {
    const { Mounts } = await this.docker.getContainer(id).inspect()
    return Object.fromEntries(Mounts.map((mount) => [mount.Destination, mount.Name ?? '']))
  }

  async hasVolume(name: string): Promise<boolean> {
    return (await plainRequest(this.docker, 'GET', `/volumes/${name}`)).status === 200
  }
}

function statesOf(traits: EngineTraits): string[] {
  const always = ['created', 'running', 'paused', 'exited']
  return traits.showsRestarting ? [...always, 'restarting'] : always
}

function defineListing(tools: () => ContractTools, traits: EngineTraits): void {
  it.each(statesOf(traits))(
    'a listing of everything shows a container that is %s, and says so',
    async (state) => {
      const t = tools()
      const id = await t.inState(state)
      expect((await t.row(id))?.State).toBe(state)
      await t.forceRemove(id)
    },
  )

  it('a row holds the full id, the slashed name, the image and its id, the labels and where things are mounted', async () => {
    const t = tools()
    const id = await t.containers.create({
      name: 'contract-row',
      labels: { 'com.example.agent': 'agent-7', 'com.example.empty': '' },
      volumes: ['/anonymous', 'contract-row-volume:/named'],
    })
    const row = await t.row(id)
    const image = await t.docker.getImage(t.subject.image).inspect()
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(row?.Names).toEqual(['/contract-row'])
    expect(row?.Image).toMatch(new RegExp(`(^|/)${t.subject.image}$`))
    expect(row?.ImageID.replace('sha256:', '')).toBe(image.Id.replace('sha256:', ''))
    expect(row?.Labels).toMatchObject({ 'com.example.agent': 'agent-7', 'com.example.empty': '' })
    expect(row?.Mounts.map((mount) => mount.Destination).toSorted()).toEqual(['/anonymous', '/named'])
    await t.forceRemove(id, '&v=1')
  })

  it('Created is in seconds of the clock that the Date header shows', async () => {
    const t = tools()
    const dateBefore = Date.parse(
      (await plainRequest(t.docker, 'GET', '/containers/json')).headers.date ?? '',
    )
    const id = await t.containers.create()
    const answer = await plainRequest(t.docker, 'GET', '/containers/json?all=1')
    const createdMs = ((await t.row(id))?.Created ?? Number.NaN) * 1_000
    expect(createdMs).toBeGreaterThanOrEqual(dateBefore)
    expect(createdMs).toBeLessThanOrEqual(Date.parse(answer.headers.date ?? ''))
    await t.forceRemove(id)
  })

  it('a label filter finds by key and by key and exact value', async () => {
    const t = tools()
    const seven = await t.containers.create({ labels: { 'com.example.filter': 'seven' } })
    const seventy = await t.containers.create({ labels: { 'com.example.filter': 'seventy' } })
    const none = await t.containers.create()
    const byKey = await t.ids({ label: ['com.example.filter'] })
    expect(byKey.toSorted()).toEqual([seven, seventy].toSorted())
    expect(await t.ids({ label: ['com.example.filter=seven'] })).toEqual([seven])
    expect(await t.ids()).toEqual(expect.arrayContaining([seven, seventy, none]))
    await Promise.all([seven, seventy, none].map((id) => t.forceRemove(id)))
  })
}

function defineRemoval(tools: () => ContractTools, traits: EngineTraits): void {
  it.each(statesOf(traits))(
    'a force-removal of a container that is %s answers 204 and it is gone',
    async (state) => {
      const t = tools()
      const id = await t.inState(state)
      expect(await t.forceRemove(id)).toBe(204)
      expect(await t.ids()).not.toContain(id)
      expect(await t.containers.exists(id)).toBe(false)
    },
  )

  it('an unknown container answers 404', async () => {
    const t = tools()
    expect(await t.forceRemove(unknownId)).toBe(404)
    await expect(t.docker.getContainer(unknownId).inspect()).rejects.toMatchObject({ statusCode: 404 })
  })

  it('an unforced removal of a running container is refused and harms nothing', async () => {
    const t = tools()
    const id = await t.containers.run()
    const answer = await plainRequest(t.docker, 'DELETE', `/containers/${id}`)
    expect(answer.status).toBe(traits.unforcedRemovalOfRunning)
    expect(await t.containers.state(id)).toBe('running')
    await t.forceRemove(id)
  })

  it('v=1 takes the anonymous volumes and leaves the named ones', async () => {
    const t = tools()
    const id = await t.containers.run({ volumes: ['/anonymous', 'contract-kept:/named'] })
    const volumes = await t.volumesAt(id)
    const anonymous = volumes['/anonymous'] ?? ''
    expect(await t.hasVolume(anonymous)).toBe(true)
    expect(await t.forceRemove(id, '&v=1')).toBe(204)
    expect(await t.hasVolume(anonymous)).toBe(false)
    expect(await t.hasVolume('contract-kept')).toBe(true)
    await t.docker.getVolume('contract-kept').remove()
  })

  it('without v the anonymous volumes stay', async () => {
    const t = tools()
    const id = await t.containers.create({ volumes: ['/anonymous'] })
    const anonymous = (await t.volumesAt(id))['/anonymous'] ?? ''
    expect(await t.forceRemove(id)).toBe(204)
    expect(await t.hasVolume(anonymous)).toBe(true)
    await t.docker.getVolume(anonymous).remove()
  })

  it('of two concurrent removals one answers 204, and the other at worst that it was too late', async () => {
    const t = tools()
    const id = await t.containers.run()
    const statuses = await Promise.all([t.forceRemove(id), t.forceRemove(id)])
    expect(statuses).toContain(204)
    expect(traits.secondRemovalAtOnce).toEqual(expect.arrayContaining(statuses))
    await until(async () => !(await t.ids()).includes(id), settleDeadlineMs, 'the end of the removal')
    expect(await t.forceRemove(id)).toBe(404)
  })

  it('a container with a restart policy does not come back after a force-removal', async () => {
    const t = tools()
    const always = { RestartPolicy: { Name: 'always' } }
    const id = await t.containers.run({ name: 'contract-restart', hostConfig: always })
    expect(await t.forceRemove(id)).toBe(204)
    // lets more time pass than the first delay of a restart policy
    const other = await t.containers.run({ cmd: ['sleep', '1'] })
    await t.docker.getContainer(other).wait()
    const names = (await t.docker.listContainers({ all: true })).flatMap((row) => row.Names)
    expect(names).not.toContain('/contract-restart')
    await t.forceRemove(other)
  })

  it('a force-removal kills at once, or politely, as this engine does', async () => {
    const t = tools()
    const id = await t.containers.run({ stopTimeoutSeconds: 6 })
    const beganAt = performance.now()
    expect(await t.forceRemove(id)).toBe(204)
    const tookMs = performance.now() - beganAt
    expect(tookMs < 5_500).toBe(traits.forceKillsAtOnce)
  })
}

function defineSharing(tools: () => ContractTools, traits: EngineTraits): void {
  it.each(['id', 'name'] as const)(
    'a guest that was created by the %s of its holder names it by full id',
    async (by) => {
      const t = tools()
      const holder = await t.containers.run({ name: `contract-holder-${by}` })
      const networkMode = `container:${by === 'id' ? holder : `contract-holder-${by}`}`
      const guest = await t.containers.run({ networkMode })
      const inspected = (await t.docker.getContainer(guest).inspect()).HostConfig.NetworkMode
      expect(inspected).toBe(`container:${holder}`)
      const listed = (await t.row(guest))?.HostConfig?.NetworkMode
      expect(listed).toBe(traits.listsNetworkMode ? `container:${holder}` : undefined)
      expect(await t.forceRemove(guest)).toBe(204)
      expect(await t.forceRemove(holder)).toBe(204)
    },
  )

  it('a holder whose guest runs is removed, or refused, as this engine does; without its guest it goes', async () => {
    const t = tools()
    const holder = await t.containers.run()
    const guest = await t.containers.run({ networkMode: `container:${holder}` })
    expect(await t.forceRemove(holder)).toBe(traits.removalOfHolder)
    expect(await t.containers.state(guest)).toBe('running')
    expect(await t.containers.exists(holder)).toBe(traits.removalOfHolder !== 204)
    expect(await t.forceRemove(guest)).toBe(204)
    expect(await t.forceRemove(holder)).toBe(traits.removalOfHolder === 204 ? 404 : 204)
  })
}

function defineImageLabels(tools: () => ContractTools): void {
  it('a label of the image shows on its containers, and the image says that it is its own', async () => {
    const t = tools()
    const image = await t.subject.labelledImage({ 'com.example.agent': 'from-image' })
    const id = await t.containers.create({ image, labels: { 'com.example.other': 'own' } })
    const row = await t.row(id)
    expect(row?.Labels).toMatchObject({ 'com.example.agent': 'from-image', 'com.example.other': 'own' })
    const { Config } = await t.docker.getImage(row?.ImageID ?? '').inspect()
    expect(Config.Labels).toEqual({ 'com.example.agent': 'from-image' })
    await t.forceRemove(id)
  })

  it('an image without labels has none, and an unknown one answers 404', async () => {
    const t = tools()
    const { Config } = await t.docker.getImage(t.subject.image).inspect()
    expect(Config.Labels ?? {}).toEqual({})
    await expect(t.docker.getImage(`sha256:${unknownId}`).inspect()).rejects.toMatchObject({
      statusCode: 404,
    })
  })
}

function defineStopping(tools: () => ContractTools, traits: EngineTraits): void {
  it('a stop ends the container and leaves it listed as exited; a second stop changes nothing', async () => {
    const t = tools()
    const id = await t.containers.run()
    await t.docker.getContainer(id).stop({ t: 0 })
    await t.containers.settled(id, 'exited')
    expect((await plainRequest(t.docker, 'POST', `/containers/${id}/stop`)).status).toBe(304)
    expect(await t.forceRemove(id)).toBe(204)
    expect(await t.containers.exists(id)).toBe(false)
  })

  it('a kill ends the container; one that had ended is no longer killed', async () => {
    const t = tools()
    const id = await t.containers.run()
    const ended: Promise<unknown> = t.docker.getContainer(id).wait()
    await t.docker.getContainer(id).kill()
    await ended
    await t.containers.settled(id, 'exited')
    const again = await t.docker.getContainer(id).kill().catch(statusOf)
    expect(again).toBe(traits.killOfExited)
    await t.forceRemove(id)
  })

  it('a stop of a paused container ends it, or is refused, as this engine does', async () => {
    const t = tools()
    const id = await t.inState('paused')
    const answer = await plainRequest(t.docker, 'POST', `/containers/${id}/stop?t=0`)
    expect(answer.status).toBe(traits.stopOfPaused)
    await t.containers.settled(id, traits.stopOfPaused === 204 ? 'exited' : 'paused')
    expect(await t.forceRemove(id)).toBe(204)
  })

  it('an unpaused container continues', async () => {
    const t = tools()
    const id = await t.inState('paused')
    await t.docker.getContainer(id).unpause()
    expect((await t.row(id))?.State).toBe('running')
    await t.forceRemove(id)
  })
}
