import { expect, test } from 'vitest'

import { createNetworkModes } from '../../src/supervision/networks.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const { signal } = new AbortController()

test('protected: a guest stays known while a listing from before it is asked about beside', async () => {
  const engine = createFakeEngine(createFakeClock())
  const silent = (number: number) => summary({ id: fakeId(number), networkMode: '' })
  const holder = engine.add({ id: fakeId(1) })
  engine.add({ id: fakeId(2), networkMode: `container:${holder.id}` })
  for (let number = 3; number <= 20; number++) engine.add({ id: fakeId(number) })
  let goOn = () => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  engine.fault = (verb, id) =>
    verb === 'networkMode' && id === fakeId(20) ? () => gate.then(() => 'bridge') : undefined
  const modes = createNetworkModes(engine, 1000)

  const all = Array.from({ length: 20 }, (_, at) => silent(at + 1))
  const asking = modes.fillIn(all, signal)
  await new Promise((resolve) => setImmediate(resolve))
  await modes.fillIn([silent(1)], signal)
  goOn()
  const networks = await asking
  await modes.fillIn([silent(1)], signal)

  expect(networks.isWhole).toBe(true)
  expect(networks.containers[1]?.networkMode).toBe(`container:${holder.id}`)
  expect(networks.filledIn(silent(2)).networkMode).toBe(`container:${holder.id}`)
})
