import { loadClock, loadTesting } from '../build.mjs'
import { ownerLabels } from '../owner.mjs'
import { talk } from '../rpc.mjs'

const { createEmbeddedEngine } = await loadTesting()
const { systemClock } = await loadClock()
/** The age of the containers: rounding does not matter, and "Up 5 hours" stays for the whole benchmark. */
const ageMs = 19_800_000
let behindMs = 0
const clock = { ...systemClock, wallNow: () => Date.now() - behindMs }
const engine = createEmbeddedEngine({ clock, requestLimit: 100 })
let made = 0

function fill(count, status = 'running') {
  behindMs = ageMs
  try {
    return Array.from({ length: count }, () =>
      engine.containers.create({ name: `bench-${++made}`, labels: ownerLabels, status }),
    )
  } finally {
    behindMs = 0
  }
}

function clear() {
  for (const { id } of engine.containers.list()) engine.containers.remove(id)
}

talk(process, {
  listen: () => engine.listen(),
  fill,
  clear,
  /** Replaces all containers with as many new ones. */
  replaceAll() {
    const { size } = engine.containers
    clear()
    fill(size)
  },
  /** Changes something of every container. */
  renameAll() {
    for (const { id } of engine.containers.list()) engine.containers.rename(id, `bench-${++made}`)
  },
  size: () => engine.containers.size,
  ids: () => engine.containers.list().map(({ id }) => id),
  goDown: () => engine.goDown(),
  comeUp: () => engine.comeUp(),
  cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
})
async function end() {
  await engine.close()
  process.exit(0)
}
process.once('disconnect', () => void end())
