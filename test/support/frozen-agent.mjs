/**
 * A small agent with a reconciler inside, for tests that stop and wake the whole process.
 *
 *   node frozen-agent.mjs '{"engine":"unix:///…","image":"…","hostConfig":{},"options":{…},"registerAfterMs":700}'
 *
 * It creates two containers, `task` and `leak`, and tells everything that happens in one JSON object a line. It knows
 * `task` only some time after it was woken by SIGCONT, as an agent whose answer waits in its inbox; `leak` it never knows.
 * It ends with its standard input.
 */
import Dockerode from 'dockerode'
import { createReconciler } from '../../dist/src/index.js'

const { engine, image, hostConfig, options, registerAfterMs } = JSON.parse(process.argv[2])
const docker = new Dockerode({ socketPath: engine.replace('unix://', '') })
const tracked = new Set()
const reconciler = createReconciler({ ...options, engine, tracked })

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

for (const name of ['looked', 'classified', 'removed', 'stalled', 'crashed']) reconciler.on(name, tell)

async function run(name) {
  const container = await docker.createContainer({
    name,
    Image: image,
    Cmd: ['sleep', '86400'],
    Labels: reconciler.labels(),
    HostConfig: { ...hostConfig, NetworkMode: 'none' },
  })
  await container.start()
  return container.id
}

// An agent has work that keeps its process alive; Flotsam alone does not.
process.stdin.resume().once('end', () => {
  void reconciler.stop().then(() => process.exit(0))
})

reconciler.start()
const task = await run('task')
const leak = await run('leak')
process.once('SIGCONT', () => {
  setTimeout(() => {
    tracked.add(task)
    tell({ type: 'registered', id: task })
  }, registerAfterMs)
})
await reconciler.look()
tell({ type: 'waiting', task, leak })
