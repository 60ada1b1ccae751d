import { isOwned } from '../safety/life.ts'
import type { World } from '../world.ts'
import { type Fail, longestGraceMs, longestRemovalMs, second } from './bounds.ts'

const settleMs = 5 * second
/** After so many scans without a change outside, every verdict must stand. */
const mostScans = 5
/** The heartbeat, the next scan, the next attempt at the event stream, the end of the verdicts, and one to spare; and one for each container. */
const mostTimers = 5

/** flat, one-line-per-change and quiet-stop: nothing past is kept or reported, and nothing runs on after the end. */
export async function checkEnd(world: World, fail: Fail): Promise<void> {
  await checkQuiet(world, fail)
  checkMemory(world, fail)
  await checkStop(world, fail)
}

/** Where nothing changes any more, scans continue and nothing is reported; only failures that last may be mentioned. */
async function checkQuiet(world: World, fail: Fail): Promise<void> {
  const { events, log, setting, timeline } = world
  // What changed a moment ago, what a scan has only just learnt, and what its attempts find is reported by the next one.
  const unchanged = fingerprint(world)
  for (let scans = 0; scans < mostScans; scans++) {
    const from = events.length
    await waitForAScan(world)
    if (!events.slice(from).some(({ type }) => type === 'classified')) break
  }
  const before = { events: events.length, lines: log.lines }
  const isAllOld = world.engine.alive.every(
    ({ createdMs }) => timeline.nowMs - createdMs > longestGraceMs(setting) + setting.periodMs,
  )
  const wasBusy = isBusy(world)
  await timeline.passTo(timeline.nowMs + 2 * setting.periodMs + 10 * second)
  if (!isAllOld || wasBusy || isBusy(world) || unchanged !== fingerprint(world)) return
  world.note('check:silent-when-quiet')
  const reported = events
    .slice(before.events)
    .filter(({ type }) => type !== 'scanned' && type !== 'stillDegraded')
  const [first] = reported
  if (first) fail('one-line-per-change', `${first.type} is reported while nothing changes`)
  const mentions = events.slice(before.events).filter(({ type }) => type === 'stillDegraded').length
  const lines = log.lines - before.lines
  if (lines > mentions) fail('one-line-per-change', `${lines} lines are logged while nothing changes`)
  const hasTooMany = () =>
    world.process.pendingTimers > mostTimers + world.reconciler.status().containers.total
  // The questions of a scan, and those between scans, have a deadline each.
  for (let tenths = 0; (isScanning(world) || hasTooMany()) && tenths < 100; tenths++)
    await timeline.passTo(timeline.nowMs + 100)
  const { pendingTimers } = world.process
  if (hasTooMany()) fail('flat', `${pendingTimers} timers run while nothing changes`)
}

/** One that begins from now on, and what follows from it. */
async function waitForAScan({ safety, setting, timeline }: World): Promise<void> {
  const sinceMs = timeline.nowMs
  const byMs = sinceMs + setting.periodMs + settleMs
  while ((safety.life?.scan?.beganMs ?? 0) <= sinceMs && timeline.nowMs < byMs)
    await timeline.passTo(timeline.nowMs + second)
  await timeline.passTo(timeline.nowMs + settleMs)
}

function isScanning({ reconciler }: World): boolean {
  return reconciler.actor.getSnapshot().matches({ running: { scanning: 'scan' } })
}

function isBusy({ agent, reconciler }: World): boolean {
  const { removals } = reconciler.status()
  return removals.queued + removals.underWay.length + agent.promised.size + agent.releasing.size > 0
}

function fingerprint({ engine, safety }: World): string {
  const states = engine.alive.map(({ id, state }) => `${id.slice(0, 8)}${state}`).join()
  const failures = [...(safety.life?.failures.values() ?? [])].join()
  return `${states} ${failures}`
}

function checkMemory({ engine, reconciler, safety, setting, tally }: World, fail: Fail): void {
  const listed = safety.life?.scan?.listing.containers.filter((one) => isOwned(one, setting)) ?? []
  const left = listed.filter(({ id }) => engine.find(id))
  const { containers, removals } = reconciler.status()
  const { total } = containers
  tally.note('check:flat')
  // A request that hangs holds on to a container that is gone.
  if (total > listed.length + removals.underWay.length || total < left.length) {
    const seen = `${listed.length} were listed and ${left.length} are left`
    fail('flat', `${total} containers are remembered; ${seen}`)
  }
}

async function checkStop({ process, reconciler, safety, tally, timeline }: World, fail: Fail): Promise<void> {
  let isStopped = false
  safety.stopAsked()
  const stopped = reconciler.stop().then(() => {
    isStopped = true
  })
  await timeline.passTo(timeline.nowMs + settleMs + second)
  tally.note('check:quiet-stop')
  if (!isStopped) return fail('quiet-stop', `stop() has not ended after ${settleMs + second} ms`)
  await stopped
  await timeline.passTo(timeline.nowMs + longestRemovalMs)
  if (process.pendingTimers > 0) fail('flat', `${process.pendingTimers} timers are left after the end`)
}
