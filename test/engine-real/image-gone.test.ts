import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createReconciler } from '../../src/index.ts'
import { findStaticBusybox } from '../support/engine-availability.ts'
import { plainRequest } from '../support/engine-http.ts'
import { everyDockerd, everyEngine, everyPodman } from '../support/engine-matrix.ts'
import { ImageRegistry } from '../support/image-registry.ts'
import { pull } from '../support/image-without-content.ts'
import type { RealEngine } from '../support/real-engine.ts'
import { describeOnBench, owned, owner } from '../support/real-harness.ts'
import { busyboxTar, layerOf, multiPlatformImageOf } from '../support/registry-image.ts'

async function idOfImage({ docker }: RealEngine, name: string): Promise<string> {
  return (await docker.getImage(name).inspect()).Id
}

/** The labels that an agent sets on a container of that image. */
function labelsFor(imageId: string): Readonly<Record<string, string>> {
  return createReconciler({ owner, tracked: new Set() }).labels({ imageId })
}

/** Force-removes the image under its containers, as `docker rmi --force` does by name and by id. */
async function removeImage({ docker }: RealEngine, name: string, imageId: string): Promise<void> {
  await plainRequest(docker, 'DELETE', `/images/${name}?force=1`)
  await plainRequest(docker, 'DELETE', `/images/${imageId}?force=1`)
  expect((await plainRequest(docker, 'GET', `/images/${imageId}/json`)).status).toBe(404)
}

/** An image from a snapshot of that container; `docker commit` copies its labels. */
async function snapshot(engine: RealEngine, container: string, name: string): Promise<string> {
  const answer = await plainRequest(engine.docker, 'POST', `/commit?container=${container}&repo=${name}`, {})
  expect(answer.status).toBe(201)
  return idOfImage(engine, name)
}

describeOnBench(everyDockerd, 'an image that is removed under its containers', (bench) => {
  it('a container that names it goes, also in a process that never saw the image; others are left', async () => {
    const { engine } = bench()
    const image = await engine.labelledImage({ some: 'label' })
    const imageId = await idOfImage(engine, image)
    const started = await engine.create({ image, labels: labelsFor(imageId) })
    const created = await engine.create({ image, labels: labelsFor(imageId) })
    const unproven = await engine.create({ image, labels: owned })
    await removeImage(engine, image, imageId)
    await engine.docker.getContainer(started).start()
    const watch = bench().watch()
    await watch.removal(started)
    await watch.removal(created)
    expect(await watch.verdicts()).toEqual({ [unproven]: 'spared: image-unknown' })
    expect(watch.complaints()).toMatchObject([
      { event: 'degraded', about: 'image', msg: expect.stringContaining(unproven.slice(0, 12)) },
    ])
  })

  it('a container whose image this process has seen goes, although it was tracked then', async () => {
    const { engine } = bench()
    const image = await engine.labelledImage({ other: 'label' })
    const imageId = await idOfImage(engine, image)
    const id = await engine.create({ image, labels: owned })
    const watch = bench().make()
    watch.tracked.add(id)
    watch.reconciler.start()
    // the second scan begins after the images of the first were read
    await watch.verdicts()
    await watch.verdicts()
    await removeImage(engine, image, imageId)
    await engine.docker.getContainer(id).start()
    watch.tracked.clear()
    await watch.removal(id)
    expect(watch.complaints().filter(({ about }) => about === 'image')).toEqual([])
  })

  it('a copy of the agent’s container is left, also under the name of the original', async () => {
    const { engine } = bench()
    const labels = labelsFor(await idOfImage(engine, engine.image))
    const original = await engine.create({ name: 'task-1', labels })
    const imageId = await snapshot(engine, original, 'copied')
    await engine.docker.getContainer(original).remove()
    const copy = await engine.create({ name: 'task-1', image: 'copied' })
    expect((await engine.docker.getContainer(copy).inspect()).Config.Labels).toEqual(labels)
    await removeImage(engine, 'copied', imageId)
    await engine.docker.getContainer(copy).start()
    const leak = await bench().leak()
    const watch = bench().watch()
    await watch.removal(leak)
    expect(await watch.verdicts()).toEqual({ [copy]: 'spared: image-unknown' })
  })
})

describeOnBench(everyEngine, 'a snapshot of a container of the agent', (bench) => {
  it('what others start from it is left; what the agent starts from it, and says so, goes', async () => {
    const { engine } = bench()
    const original = await engine.create({ labels: labelsFor(await idOfImage(engine, engine.image)) })
    const imageId = await snapshot(engine, original, 'snapshot')
    await engine.docker.getContainer(original).remove()
    const copy = await engine.run({ image: 'snapshot' })
    const ours = await engine.run({ image: 'snapshot', labels: labelsFor(imageId) })
    const watch = bench().watch()
    await watch.removal(ours)
    expect(await watch.verdicts()).toEqual({ [copy]: 'spared: label-from-image' })
  })
})

describeOnBench(['dockerd-28-containerd'], 'an image for several platforms', (bench) => {
  it('is listed by the id that its inspection returns, so that a container of it can name it', async () => {
    const { engine } = bench()
    const registry = await ImageRegistry.open()
    const layers = [layerOf(busyboxTar(), 6)]
    const contents = multiPlatformImageOf([
      { layers, architecture: 's390x' },
      { layers, labels: owned },
    ])
    const image = registry.add('group/named', contents)
    await pull(engine.docker, image)
    await registry.close()
    const id = await engine.run({ image, labels: labelsFor(await idOfImage(engine, image)) })
    const copy = await engine.run({ image })
    const watch = bench().watch()
    await watch.removal(id)
    expect(await watch.verdicts()).toEqual({ [copy]: 'spared: label-from-image' })
  })
})

describeOnBench(everyPodman, 'own-label: a container without an image', (bench) => {
  it('of a folder of the host goes, since its labels can only be its own', async () => {
    const { docker, hostConfig } = bench().engine
    const root = mkdtempSync(join(tmpdir(), 'flotsam-private-root-'))
    bench().afterwards(() => rmSync(root, { recursive: true, force: true }))
    mkdirSync(join(root, 'bin'))
    for (const name of ['busybox', 'sleep'])
      execFileSync('cp', [findStaticBusybox() ?? 'busybox', join(root, 'bin', name)])
    const body = {
      rootfs: root,
      command: ['sleep', '86400'],
      labels: owned,
      stop_timeout: 0,
      netns: { nsmode: 'none' },
      cgroup_parent: hostConfig.CgroupParent,
    }
    const made = await plainRequest(docker, 'POST', '/v4.0.0/libpod/containers/create', body)
    expect(made.status).toBe(201)
    const { Id } = JSON.parse(made.body) as { Id: string }
    await docker.getContainer(Id).start()
    expect(await docker.listContainers()).toMatchObject([{ Id, Image: '', ImageID: 'sha256:' }])
    await bench().watch().removal(Id)
    expect(await bench().engine.exists(Id)).toBe(false)
  })
})
