import { afterAll, beforeAll, describe } from 'vitest'
import {
  createEmbeddedEngine,
  type EmbeddedEngine,
  type EmbeddedEngineOptions,
} from '../../src/testing/index.ts'
import {
  defineEngineContract,
  dockerdTraits,
  podmanTraits,
  type EngineTraits,
} from '../support/engine-contract.ts'
import { dockerodeOf } from './support.ts'

/** Current engines, and those that answer as Docker 20.10 and Podman 4.3 do. */
const subjects = [
  { options: {}, traits: dockerdTraits },
  { options: { dialect: 'dockerd-containerd' }, traits: dockerdTraits },
  { options: { version: { engine: '20.10.24', api: '1.41', minApi: '1.12' } }, traits: dockerdTraits },
  { options: { dialect: 'podman', version: { engine: '4.3.1', api: '1.41' } }, traits: podmanTraits },
  { options: { dialect: 'podman' }, traits: { ...podmanTraits, killOfExited: 409 } },
] satisfies { options: EmbeddedEngineOptions; traits: EngineTraits }[]

// a polite removal takes its time
const patient = { timeout: 30_000 }

describe.each(subjects)(
  'the embedded engine keeps the contract as $options',
  patient,
  ({ options, traits }) => {
    let engine: EmbeddedEngine
    let images = 0

    beforeAll(async () => {
      engine = createEmbeddedEngine(options)
      await engine.listen()
    })

    afterAll(() => engine.close())

    defineEngineContract(
      () => ({
        docker: dockerodeOf(engine),
        image: 'busybox:latest',
        hostConfig: { NetworkMode: 'none' },
        labelledImage: (labels) => {
          images += 1
          const reference = `labelled:${images}`
          engine.images.add({ reference, labels })
          return Promise.resolve(reference)
        },
      }),
      traits,
    )
  },
)
