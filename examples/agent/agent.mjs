/**
 * A small agent that keeps a number of containers running, and survives its own restarts:
 *
 *   node examples/agent/agent.mjs IMAGE [--tasks 2] [--record FILE] [--leak] [--short-graces]
 *
 * The image needs a `sleep` command. The engine is the one that DOCKER_HOST names, else the local one. Ctrl-C ends the
 * agent and leaves its containers; the next run finds them again in its record.
 */
import { parseArgs } from 'node:util'
import Docker from 'dockerode'
import { createReconciler } from 'flotsam'
import { pino } from 'pino'
import { Tasks } from './tasks.mjs'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: 'string', default: '2' },
    record: { type: 'string', default: 'agent-record.json' },
    leak: { type: 'boolean', default: false },
    'short-graces': { type: 'boolean', default: false },
  },
})
const [image] = positionals
const wanted = Number(flags.tasks)
if (image === undefined || !Number.isInteger(wanted) || wanted < 0) {
  process.stderr.write(
    'usage: node agent.mjs IMAGE [--tasks COUNT] [--record FILE] [--leak] [--short-graces]\n',
  )
  process.exit(2)
}

/** @type {Partial<import('flotsam').ReconcilerOptions>} */
const shortGraces = {
  period: '1s',
  creationGrace: '3s',
  restoreGrace: '2s',
  releaseGrace: '2s',
  allowShortGrace: true,
}

const logger = pino({ formatters: { level: (label) => ({ level: label }) } })
const docker = new Docker()
const tasks = new Tasks(flags.record)
const reconciler = createReconciler({
  owner: { label: 'com.example.agent', value: 'example-agent' },
  tracked: tasks,
  engine: docker,
  logger,
  ...(flags['short-graces'] ? shortGraces : {}),
})

/** Creates an owned container, without registering it. */
function createContainer() {
  return docker.createContainer({
    Image: image,
    Cmd: ['sleep', '86400'],
    Labels: { ...reconciler.labels() },
    HostConfig: { NetworkMode: 'none' },
  })
}

/** @param {number} number */
async function startTask(number) {
  const container = await createContainer()
  // Registered before it is started: from here on it is tracked.
  await tasks.register(container.id, number)
  await container.start()
  logger.info({ event: 'taskStarted', task: number, id: container.id }, `task ${number} runs`)
}

/** What happens when an agent crashes, or loses its connection, between creating a container and registering it. */
async function leakContainer() {
  const container = await createContainer()
  await container.start()
  logger.info({ event: 'leaked', id: container.id }, 'a container is running that the agent does not track')
}

/** @type {Set<string>} */
const replacing = new Set()

/**
 * A task whose container has ended: what is left is removed and no longer tracked, and another container replaces it.
 *
 * @param {string} id
 */
async function replaceTask(id) {
  const number = tasks.byId.get(id)
  if (number === undefined || replacing.has(id)) return
  replacing.add(id)
  try {
    await docker.getContainer(id).remove({ force: true, v: true }).catch(ignoreMissing)
    await tasks.release(id)
    await startTask(number)
  } finally {
    replacing.delete(id)
  }
}

/** No scan can show a container that is gone. So the agent itself finds what is in its record and not on the engine. */
async function replaceEnded() {
  const recorded = [...tasks.byId.keys()]
  for (const id of recorded) {
    const found = await docker.getContainer(id).inspect().catch(ignoreMissing)
    if (!found?.State.Running) await replaceTask(id)
  }
}

/** @param {unknown} error */
function ignoreMissing(error) {
  if (!(error instanceof Error && 'statusCode' in error && error.statusCode === 404)) throw error
}

reconciler.on('lost', ({ id }) => {
  replaceTask(id).catch((error) =>
    logger.error({ event: 'taskFailed', id, err: error }, 'a task could not be replaced'),
  )
})
// May start before the record is read: until `ready()` returns true, everything is spared.
reconciler.start()

// The timers of Flotsam keep no process alive; an agent has work that does.
const work = setInterval(
  () => logger.info({ event: 'status', ...reconciler.status().containers }, 'working'),
  60_000,
)

async function end() {
  clearInterval(work)
  await reconciler.stop()
}
process.once('SIGINT', () => void end())
process.once('SIGTERM', () => void end())

await tasks.restore()
logger.info({ event: 'restored', ids: [...tasks.byId.keys()] }, `${tasks.byId.size} tasks restored`)
await replaceEnded()

const running = new Set(tasks.byId.values())
for (let number = 1; number <= wanted; number++) if (!running.has(number)) await startTask(number)
if (flags.leak) await leakContainer()
logger.info({ event: 'ready' }, 'every task runs')
