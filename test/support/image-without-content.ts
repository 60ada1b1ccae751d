import type Docker from 'dockerode'
import { ImageRegistry } from './image-registry.ts'
import { busyboxTar, imageOf, layerOf } from './registry-image.ts'

/**
 * Creates, by two ordinary pulls, an image that is incomplete on an engine with the containerd image store: a layer that
 * the engine has already unpacked from another blob is never fetched. Containers of it run and have the image's labels.
 * An inspection of it succeeds, but shows neither labels nor platform nor layers. Other engines have all of it. Returns
 * the name of the image.
 */
export async function imageWithoutContent(
  { docker }: { readonly docker: Docker },
  labels: Readonly<Record<string, string>> = { t: '1' },
): Promise<string> {
  const registry = await ImageRegistry.open()
  try {
    const tar = busyboxTar()
    const whole = registry.add('whole', imageOf({ layers: [layerOf(tar, 9)] }))
    const lacking = registry.add('lacking', imageOf({ layers: [layerOf(tar, 1)], labels }))
    await pull(docker, whole)
    await pull(docker, lacking)
    return lacking
  } finally {
    await registry.close()
  }
}

/** Pulls an image to the end; a pull that fails half-way still answers with 200, and the error is a line of the body. */
export async function pull(docker: Docker, reference: string): Promise<void> {
  const answer = (await docker.pull(reference)) as AsyncIterable<Buffer | string>
  let said = ''
  for await (const chunk of answer) said += String(chunk)
  if (said.includes('"error"')) throw new Error(`could not pull ${reference}: ${said}`)
}
