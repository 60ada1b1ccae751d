import { loadEngineMatrix, loadRealEngine } from '../build.mjs'
import { ownerLabels } from '../owner.mjs'
import { timed } from '../statistics.mjs'

const makingsAtOnce = 4
/** Engines report ages in whole seconds; a container younger than this may still seem to be in its grace. */
const oldEnoughMs = 3000

/** A private dockerd, started as the tests do: the oldest available, or the one that FLOTSAM_ENGINES names. */
export async function startDockerd() {
  const { startEngine } = await loadRealEngine()
  const { chosenEngines } = await loadEngineMatrix()
  const [about] = chosenEngines('dockerd')
  if (about === undefined) throw new Error('no dockerd can be started here; see CONTRIBUTING.md')
  const engine = await startEngine(about)
  const { Version, ApiVersion } = await engine.docker.version()
  const ids = async () => (await engine.docker.listContainers({ all: true })).map(({ Id }) => Id)

  async function fill(count, status = 'running') {
    const make = () =>
      (status === 'created' ? engine.create : engine.run).call(engine, { labels: ownerLabels })
    const made = []
    let left = count
    const makeSome = async () => {
      while (left-- > 0) made.push(await make())
    }
    await Promise.all(Array.from({ length: makingsAtOnce }, makeSome))
    await new Promise((old) => setTimeout(old, oldEnoughMs))
    return made
  }

  async function clear() {
    const waiting = await ids()
    const removeSome = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        await engine.docker.getContainer(id).remove({ force: true })
      }
    }
    await Promise.all(Array.from({ length: makingsAtOnce }, removeSome))
  }

  /** The work under way: `isWanted` until it is stopped. */
  let work

  /** What a host itself may do meanwhile: create foreign containers, one after the other. */
  async function startWork() {
    const own = { isWanted: true }
    own.done = (async () => {
      const made = []
      const tookMs = []
      while (own.isWanted) tookMs.push(await timed(async () => made.push(await engine.create())))
      await Promise.all(made.map((id) => engine.docker.getContainer(id).remove({ force: true })))
      return tookMs
    })()
    work = own
  }

  /** How long each took, in milliseconds. */
  async function endWork() {
    work.isWanted = false
    return work.done
  }

  return {
    kind: 'dockerd',
    title: `dockerd ${Version} (API ${ApiVersion})`,
    // a thousand running ones are a thousand more processes, which make no difference to a listing
    status: 'created',
    address: engine.address,
    answers: {
      fill,
      clear,
      ids,
      startWork,
      endWork,
      goDown: () => engine.kill(),
      comeUp: () => engine.restart(),
      size: async () => (await ids()).length,
    },
    stop: () => engine.stop(),
  }
}
