import { afterAll, beforeAll, describe } from 'vitest'

import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { defineEngineContract, dockerdTraits } from '../support/engine-contract.ts'
import { dockerodeOf } from './support.ts'

/** An engine of today, and one that answers as Docker 20.10 does. */
const versions = [{}, { engine: '20.10.24', api: '1.41', minApi: '1.12' }]

describe.each(versions)('the embedded engine keeps the contract of dockerd as %o', (version) => {
  let engine: EmbeddedEngine
  let images = 0

  beforeAll(async () => {
    engine = createEmbeddedEngine({ version })
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
    dockerdTraits,
  )
})
