import Docker from 'dockerode'
import { expect, it } from 'vitest'
import { ImageRegistry } from '../support/image-registry.ts'
import { describeOnBench, owned } from '../support/real-harness.ts'
import { busyboxTar, layerOf, multiPlatformImageOf } from '../support/registry-image.ts'

const other = '386'
const layers = [layerOf(busyboxTar(), 6)]

async function pullFor(docker: Docker, image: string, platform: string): Promise<void> {
  const answer = (await docker.pull(image, { platform })) as AsyncIterable<Buffer>
  let said = ''
  for await (const chunk of answer) said += String(chunk)
  expect(said).not.toContain('"error"')
}

describeOnBench(['dockerd-28', 'dockerd-28-containerd'], 'images for several platforms', (bench) => {
  /** An image whose own platform has no label, and whose other one has these. */
  async function imageWith(labels: Readonly<Record<string, string>>): Promise<string> {
    const registry = await ImageRegistry.open()
    const contents = multiPlatformImageOf([{ layers }, { layers, architecture: other, labels }])
    const image = registry.add('group/two', contents)
    for (const platform of ['linux/amd64', `linux/${other}`])
      await pullFor(bench().engine.docker, image, platform)
    await registry.close()
    return image
  }

  async function runFor(image: string, labels: Readonly<Record<string, string>>): Promise<string> {
    const request = {
      Image: image,
      platform: `linux/${other}`,
      Cmd: ['sleep', '86400'],
      Labels: labels,
      HostConfig: { ...bench().engine.hostConfig, NetworkMode: 'none' },
    }
    const container = await bench().engine.docker.createContainer(request)
    await container.start()
    return container.id
  }

  it.each([undefined, 'v1.41', 'v1.47'])(
    'own-label: a label of the image for its platform keeps a container, with API version %s',
    async (version) => {
      const { socketPath } = bench().engine
      const id = await runFor(await imageWith(owned), {})
      const engine = new Docker({ socketPath, ...(version === undefined ? {} : { version }) })
      const watch = bench().watch({ engine })
      await watch.once('classified', ({ verdict }) => verdict === 'spared')
      expect(await watch.verdicts()).toEqual({ [id]: 'spared: label-from-image' })
      expect(await bench().engine.exists(id)).toBe(true)
    },
  )

  it.each([undefined, 'v1.41', 'v1.47'])(
    'eventually-removed: without one it goes, with API version %s',
    async (version) => {
      const { socketPath } = bench().engine
      const id = await runFor(await imageWith({}), owned)
      const engine = new Docker({ socketPath, ...(version === undefined ? {} : { version }) })
      expect(await bench().watch({ engine }).removal(id)).toMatchObject({ failures: 0 })
    },
  )
})
