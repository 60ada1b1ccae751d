import { execFile } from 'node:child_process'
import { setTimeout as after } from 'node:timers/promises'
import { promisify } from 'node:util'
import { BareClient } from '../bare.mjs'
import { ownerFilter } from '../owner.mjs'
import { sideBySide, timed } from '../statistics.mjs'
import { noGraces, reconcilerOf, tracksNone } from './reconciling.mjs'

const run = promisify(execFile)
const aloneMs = 2000

/**
 * From the same beginning, so many leaks whose every grace is over, to an engine that has none of them. Ours is from
 * `start()` of a new reconciler to its last `removed`, with its first scan and all that it asks before; the loops know
 * the ids beforehand; the commands are processes of their own.
 */
export async function measure(settings, ask) {
  return settings.ways === undefined ? measureBeside(settings, ask) : measureWays(settings, ask)
}

async function measureWays({ address, leaks, status, width, rounds, ways }, ask) {
  const all = {
    ours: (ids) => removeByScanning(address, ids, width, status),
    concurrent: (ids) => removeBarely(address, ids, width),
    serial: (ids) => removeBarely(address, ids, 1),
    'docker rm': () => shell(address, `docker rm -f $(docker ps -aq --filter ${ownerFilter})`),
    'docker prune': () => shell(address, `docker container prune -f --filter ${ownerFilter}`),
  }
  const prepared = (remove) => async () => {
    const ids = await ask('fill', leaks, status)
    const tookMs = await remove(ids)
    const left = await ask('size')
    if (left > 0) throw new Error(`${left} of ${leaks} containers are left`)
    return tookMs
  }
  return sideBySide(rounds, Object.fromEntries(ways.map((way) => [way, prepared(all[way])])))
}

/** How long the host's own work takes, each piece of it, while Flotsam removes so many leaks, and while it does not. */
async function measureBeside({ address, leaks, status, width, rounds }, ask) {
  const found = { beside: [], alone: [] }
  for (let round = 0; round < rounds; round++) {
    await ask('startWork')
    await after(aloneMs)
    found.alone.push(...(await ask('endWork')))
    const ids = await ask('fill', leaks, status)
    await ask('startWork')
    await removeByScanning(address, ids, width, status)
    found.beside.push(...(await ask('endWork')))
  }
  return found
}

async function removeBarely(address, ids, width) {
  const bare = new BareClient(address, width)
  const tookMs = await timed(() => bare.removeAll(ids, width))
  bare.close()
  return tookMs
}

function shell(address, command) {
  return timed(() => run('sh', ['-c', command], { env: { ...process.env, DOCKER_HOST: address } }))
}

async function removeByScanning(address, ids, width, status) {
  const waiting = new Set(ids)
  const options = { tracked: tracksNone, ...noGraces, states: [status], maxConcurrentRemovals: width }
  const { reconciler, unspoilt } = reconcilerOf(address, options)
  const ended = new Promise((resolve) => {
    reconciler.on('removed', ({ id }) => {
      waiting.delete(id)
      if (waiting.size === 0) resolve()
    })
  })
  const tookMs = await timed(() => {
    reconciler.start()
    return unspoilt(ended)
  })
  const { underWay, queued } = reconciler.status().removals
  if (underWay.length + queued > 0) throw new Error('the round ended before its removals did')
  await reconciler.stop()
  return tookMs
}
