// A host with its own Dockerode, pino and XState: the reconciler is a child of one of its actors.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { createReconcilerLogic } from 'flotsam'
import { createEmbeddedEngine } from 'flotsam/testing'
import { pino } from 'pino'
import { createActor, setup } from 'xstate'

const socketPath = join(mkdtempSync(join(tmpdir(), 'flotsam-host-')), 'docker.sock')
const engine = createEmbeddedEngine()
await engine.listen({ socketPath })
engine.containers.create({ name: 'leak', labels: { a: 'b' }, createdAtMs: Date.now() - 3_600_000 })

const lines = []
const logger = pino({ base: null }, { write: (line) => lines.push(JSON.parse(line)) })
const reconciler = createReconcilerLogic({
  owner: { label: 'a', value: 'b' },
  tracked: new Set(),
  engine: new Dockerode({ socketPath }),
  restoreGrace: '0s',
  logger,
})
const machine = setup({ actors: { reconciler } }).createMachine({
  initial: 'working',
  states: {
    working: { invoke: { id: 'flotsam', src: 'reconciler', onDone: 'done', onError: 'failed' } },
    done: {},
    failed: {},
  },
})
const host = createActor(machine)
host.start()
const deadlineMs = Date.now() + 20_000
while (engine.containers.list().length > 0 && Date.now() < deadlineMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
while (!lines.some(({ event }) => event === 'removed') && Date.now() < deadlineMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
console.log(engine.containers.list().length === 0 ? 'removed leak' : 'the leak is there')
const line = lines.find(({ event }) => event === 'removed')
console.log(`${line?.event}: ${line?.msg}`.slice(0, 'removed: removed leak'.length))
host.send({ type: 'stop' })
host.getSnapshot().children.flotsam?.send({ type: 'stop' })
while (host.getSnapshot().value === 'working' && Date.now() < deadlineMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
console.log(host.getSnapshot().value)
await engine.close()
