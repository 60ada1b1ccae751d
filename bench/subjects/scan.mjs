import { BareClient } from '../bare.mjs'
import { sideBySide, timedWithCpu } from '../statistics.mjs'
import { reconcilerOf, tracksAll } from './reconciling.mjs'

const warmUps = 3

/**
 * What `scan()` of a started reconciler costs where nothing has changed since the last one, and where something of every
 * container has; beside a GET on a kept connection with JSON.parse, and beside the same GET without it.
 */
export async function measure({ address, count, rounds, canRename }, ask) {
  const { reconciler, unspoilt } = reconcilerOf(address, { tracked: tracksAll, events: !canRename })
  const bare = new BareClient(address)
  const scan = () =>
    timedWithCpu(async () => {
      const { containers } = await unspoilt(reconciler.scan())
      const tracked = containers.filter(({ verdict }) => verdict === 'tracked').length
      if (tracked !== count) throw new Error(`a scan found ${tracked} of ${count} containers tracked`)
    })
  const ways = {
    ours: scan,
    bare: () =>
      timedWithCpu(async () => {
        const listed = await bare.list()
        if (listed.length !== count) throw new Error(`listed ${listed.length} of ${count} containers`)
      }),
    floor: () => timedWithCpu(() => bare.drain()),
  }
  reconciler.start()
  await sideBySide(warmUps, ways)
  const steady = await sideBySide(rounds, ways)
  if (!canRename) return { steady }
  const changing = {
    ours: async () => {
      await ask('renameAll')
      return scan()
    },
    bare: ways.bare,
    floor: ways.floor,
  }
  // reading and judging changed entries is other code than before, and runs for the first time
  await sideBySide(warmUps, changing)
  return { steady, changed: await sideBySide(rounds, changing) }
}
