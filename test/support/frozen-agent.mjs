/**
 * A small agent with a reconciler inside, for tests that stop and wake the whole process.
 *
 *   node frozen-agent.mjs '{"engine":"unix:///…","image":"…","hostConfig":{},"options":{…},"freezes":true}'
 *
 * It creates two containers, `task` and `leak`, and prints everything that happens as one JSON object per line. Where it
 * freezes it stops itself in the middle of their creation grace, which it makes longer the longer their creation took. It
 * knows `task` only some time after it was woken by SIGCONT, as an agent whose answer waits in its inbox: later than the
 * grace would end that had only been paused. `leak` it never knows. It ends with its standard input.
 */
import { setTimeout as elapse } from 'node:timers/promises'
import Dockerode from 'dockerode'
import { createReconciler } from '../../dist/src/index.js'

const { engine, image, hostConfig, options, freezes } = JSON.parse(process.argv[2])
const docker = new Dockerode({ socketPath: engine.replace('unix://', '') })
const tracked = new Set()
const { label, value } = options.owner
const shortestGraceMs = 8000

function print(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

function watch(given) {
  const reconciler = createReconciler({ ...options, ...given, engine, tracked })
  for (const name of ['scanned', 'classified', 'removed', 'stalled', 'crashed']) reconciler.on(name, print)
  // An agent has work that keeps its process alive; Flotsam alone does not.
  process.stdin.resume().once('end', () => {
    void reconciler.stop().then(() => process.exit(0))
  })
  reconciler.start()
  return reconciler
}

async function run(name) {
  const container = await docker.createContainer({
    name,
    Image: image,
    Cmd: ['sleep', '86400'],
    Labels: { [label]: value },
    HostConfig: { ...hostConfig, NetworkMode: 'none' },
  })
  await container.start()
  return container.id
}

async function live() {
  const reconciler = watch({})
  const task = await run('task')
  const leak = await run('leak')
  await reconciler.scan()
  print({ type: 'waiting', task, leak })
}

async function liveAndFreeze() {
  const bornMs = performance.now()
  const [task, leak] = await Promise.all([run('task'), run('leak')])
  const startedMs = performance.now()
  // From its creation on the grace is longer than what is still waited for; from its start on, half of it is left then.
  const graceMs = Math.ceil(shortestGraceMs + 2 * (startedMs - bornMs))
  process.once('SIGCONT', () => {
    setTimeout(() => {
      tracked.add(task)
      print({ type: 'registered', id: task })
    }, graceMs * 0.85)
  })
  await watch({ creationGrace: graceMs }).scan()
  await elapse(Math.max(0, startedMs + graceMs / 2 - performance.now()))
  print({ type: 'freezing', task, leak, graceMs })
  process.kill(process.pid, 'SIGSTOP')
}

await (freezes ? liveAndFreeze() : live())
