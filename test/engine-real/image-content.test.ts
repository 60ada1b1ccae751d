import { expect, it } from 'vitest'
import { plainRequest } from '../support/engine-http.ts'
import { everyDockerd } from '../support/engine-matrix.ts'
import { ImageRegistry } from '../support/image-registry.ts'
import { imageWithoutContent, pull } from '../support/image-without-content.ts'
import { describeOnEngine, type RealEngine } from '../support/real-engine.ts'
import { busyboxTar, layerOf, multiPlatformImageOf, ownArchitecture } from '../support/registry-image.ts'

/** What an inspection of the image of that container answers, asked as Flotsam asks: by the id in the listing. */
async function imageOfContainer({ docker }: RealEngine, container: string): Promise<ImageAnswer> {
  const rows = await docker.listContainers({ all: true })
  const imageId = rows.find(({ Id }) => Id === container)?.ImageID ?? ''
  const { status, body } = await plainRequest(docker, 'GET', `/images/${imageId}/json`)
  return { status, ...(JSON.parse(body) as Omit<ImageAnswer, 'status'>) }
}

interface ImageAnswer {
  readonly status: number
  readonly Os: string
  readonly Architecture: string
  readonly RootFS: { readonly Layers?: readonly string[] }
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null }
}

describeOnEngine(everyDockerd, 'images from a registry', (engine, { imageStore }) => {
  it('an engine takes the image for its own platform from an index, with its labels', async () => {
    const registry = await ImageRegistry.open()
    const layers = [layerOf(busyboxTar(), 6)]
    const contents = multiPlatformImageOf([
      { layers, architecture: 's390x', labels: { 'com.example.platform': 's390x' } },
      { layers, labels: { 'com.example.platform': 'own' } },
    ])
    const image = registry.add('group/several', contents)
    await pull(engine().docker, image)
    await registry.close()
    const id = await engine().run({ image })
    expect(await imageOfContainer(engine(), id)).toMatchObject({
      status: 200,
      Os: 'linux',
      Architecture: ownArchitecture,
      RootFS: { Layers: layers.map(({ diffId }) => diffId) },
      Config: { Labels: { 'com.example.platform': 'own' } },
    })
    const manifests = contents.filter(({ mediaType }) => mediaType.includes('.manifest.'))
    const asked = manifests.map(({ digest }) => registry.requests.some((line) => line.endsWith(digest)))
    expect(asked).toEqual([false, true])
  })

  it('pulling a missing image is an error', async () => {
    const registry = await ImageRegistry.open()
    const absent = registry.add('whole', multiPlatformImageOf([])).replace('whole', 'absent')
    await expect(pull(engine().docker, absent)).rejects.toThrow()
    await registry.close()
  })

  it('an image with a missing layer: 200, and the containerd store reports no content', async () => {
    const image = await imageWithoutContent(engine(), { t: '1' })
    const id = await engine().run({ image })
    const row = (await engine().docker.listContainers()).find(({ Id }) => Id === id)
    expect(row?.Labels).toEqual({ t: '1' })
    const answer = await imageOfContainer(engine(), id)
    if (imageStore === 'containerd') {
      expect(answer).toMatchObject({ status: 200, Os: '', Architecture: '', Config: { Labels: null } })
      expect(answer.RootFS).toEqual({})
      return
    }
    expect(answer).toMatchObject({ status: 200, Os: 'linux', Config: { Labels: { t: '1' } } })
    expect(answer.RootFS.Layers).toHaveLength(1)
  })
})
