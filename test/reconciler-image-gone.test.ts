import Docker from 'dockerode'
import { afterEach, describe, expect, test } from 'vitest'
import { createReconciler, type Reconciler } from '../src/index.ts'
import { createEmbeddedEngine, createTestClock, type EmbeddedEngineOptions } from '../src/testing/index.ts'

const owner = { label: 'com.example.agent', value: 'agent-7' }
const minute = 60_000
const owned = { [owner.label]: owner.value }
const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

/** An agent that has lost track of everything, on an engine that has one image. */
async function prepare(dialect: EmbeddedEngineOptions['dialect'] = 'dockerd') {
  const clock = createTestClock()
  const engine = createEmbeddedEngine({ clock, dialect })
  const engineAddress = await engine.listen()
  endings.push(() => engine.close())
  const imageId = engine.images.add({ reference: 'app:1' })
  const docker = new Docker({ socketPath: new URL(engineAddress).pathname })
  const tracked = new Set<string>()
  const start = (): Reconciler => {
    const options = {
      owner,
      tracked,
      engine: engineAddress,
      restoreGrace: '0s',
      creationGrace: '1m',
    } as const
    const reconciler = createReconciler(options, { clock })
    reconciler.start()
    endings.push(() => reconciler.stop())
    return reconciler
  }
  const verdicts = async (reconciler: Reconciler) => {
    const report = reconciler.scan()
    await clock.advance(1000)
    return Object.fromEntries((await report).containers.map(({ id, reason }) => [id, reason]))
  }
  const isThere = (id: string) => engine.containers.get(id) !== undefined
  return { clock, docker, engine, imageId, tracked, start, verdicts, isThere, labels: labelsOf }
}

/** Of the agent's own reconciler, as it creates a container. */
function labelsOf(imageId?: string): Readonly<Record<string, string>> {
  const reconciler = createReconciler({ owner, tracked: new Set<string>() })
  return imageId === undefined ? reconciler.labels() : reconciler.labels({ imageId })
}

describe.each(['dockerd', 'dockerd-containerd'] as const)(
  'an image removed under its containers, %s',
  (dialect) => {
    test('the one that names its image is removed by a process that has never seen it', async () => {
      const { clock, docker, imageId, labels, start, verdicts, isThere } = await prepare(dialect)
      const spec = { Image: 'app:1', Cmd: ['serve'], HostConfig: { NetworkMode: 'none' } }
      const proven = await docker.createContainer({ ...spec, Labels: labels(imageId) })
      const other = await docker.createContainer({ ...spec, Labels: labels() })
      await docker.getImage(imageId).remove({ force: true })
      await proven.start()
      const reconciler = start()
      await clock.advance(5 * minute)
      expect([isThere(proven.id), isThere(other.id)]).toEqual([false, true])
      expect(await verdicts(reconciler)).toEqual({ [other.id]: 'image-unknown' })
    })

    test('one that this process has seen is removed', async () => {
      const { clock, engine, imageId, tracked, start, isThere } = await prepare(dialect)
      const id = engine.containers.create({ image: 'app:1', labels: owned, status: 'created' })
      tracked.add(id)
      start()
      await clock.advance(5 * minute)
      engine.images.remove(imageId)
      engine.containers.start(id)
      tracked.clear()
      await clock.advance(15 * minute)
      expect(isThere(id)).toBe(false)
    })

    test('a copy of the agent’s container stays, whatever it is called, and whether its image is there or not', async () => {
      const { clock, docker, engine, imageId, labels, start, verdicts, isThere } = await prepare(dialect)
      const spec = {
        name: 'task-1',
        Image: 'app:1',
        Cmd: ['serve'],
        Labels: labels(imageId),
        HostConfig: { NetworkMode: 'none' },
      }
      const original = await docker.createContainer(spec)
      await original.commit({ repo: 'snapshot', tag: '1' })
      await original.remove()
      const copy = engine.containers.create({ name: 'task-1', image: 'snapshot:1' })
      expect(engine.containers.get(copy)?.labels).toEqual(labels(imageId))
      let reconciler = start()
      await clock.advance(15 * minute)
      expect(await verdicts(reconciler)).toEqual({ [copy]: 'label-from-image' })
      await reconciler.stop()
      engine.containers.exit(copy)
      engine.images.remove('snapshot:1')
      engine.containers.start(copy)
      reconciler = start()
      await clock.advance(15 * minute)
      expect(await verdicts(reconciler)).toEqual({ [copy]: 'image-unknown' })
      expect(isThere(copy)).toBe(true)
    })

    test('a container that the agent itself starts from such a snapshot is removed, where it names that', async () => {
      const { clock, engine, imageId, labels, start, isThere } = await prepare(dialect)
      const snapshotId = engine.images.add({ reference: 'snapshot:1', labels: labels(imageId) })
      const id = engine.containers.create({ image: 'snapshot:1', labels: labels(snapshotId) })
      start()
      await clock.advance(5 * minute)
      expect(isThere(id)).toBe(false)
    })
  },
)

describe('own-label: a container without an image', () => {
  test('goes: its labels can only be its own', async () => {
    const { clock, engine, start, isThere } = await prepare('podman')
    const id = engine.containers.create({ image: '', labels: owned })
    start()
    await clock.advance(5 * minute)
    expect(isThere(id)).toBe(false)
  })
})

test('what is left of a pod is spared, and the log names the command that removes it', async () => {
  const { clock, engine, start, verdicts } = await prepare('podman')
  const pod = engine.containers.createPod({ labels: owned })
  const member = engine.containers.create({ pod, labels: owned })
  const reconciler = start()
  await clock.advance(5 * minute)
  const [infra] = engine.containers.list()
  expect(engine.containers.size).toBe(1)
  expect(member).not.toBe(infra?.id)
  expect(await verdicts(reconciler)).toEqual({ [infra?.id ?? '']: 'infra-container' })
  const explained = reconciler.explain(infra?.id ?? '')
  await clock.advance(1000)
  expect((await explained).outlook).toContain(`podman pod rm ${pod.slice(0, 12)}`)
})
