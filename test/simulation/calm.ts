import type { FlotsamEvent } from '../../src/events.ts'
import { short } from './agent.ts'
import type { Body } from './engine.ts'
import type { Setting } from './plan.ts'
import { Random } from './random.ts'
import { isKept, ownerLabel, ownerValue, type Violation } from './safety.ts'
import type { World } from './world.ts'

type Violate = (violation: Violation) => void

const second = 1000
const promptMs = 5 * second
/** A listing's deadline at its longest, and a removal's. */
const longestListingMs = 60 * second
const longestRemovalMs = 120 * second
/** Creation times and the engine's Date are whole seconds each, and a look takes its time. */
const clockErrorMs = 3 * second
/** How long a failed removal waits, by how often it failed. */
const retriesMs = [0, 1, 5, 30, 120, 240, 480, 900].map((seconds) => seconds * second)
const settleMs = 5 * second
/** After this long everything that was asked in vain is asked again. */
const askAgainMs = 62 * second

/** The liveness rules, each against its bound, in a world where nothing goes wrong any more. */
export async function checkCalm(world: World, violate: Violate, countsAll: boolean): Promise<void> {
  const { timeline } = world
  const fail = (rule: string, message: string) => {
    world.tell(`VIOLATION ${rule}: ${message}`)
    violate({ rule, message, atMs: timeline.nowMs, wrong: undefined })
  }
  world.becalm()
  const beganMs = timeline.nowMs
  await waitForHealth(world, beganMs, fail)
  await waitForRemovals(world, fail)
  await checkPromptness(world, fail)
  checkLines(world.events, fail)
  if (!countsAll) await checkEnd(world, fail)
}

type Fail = (rule: string, message: string) => void

async function waitForHealth(world: World, beganMs: number, fail: Fail): Promise<void> {
  const { setting, timeline } = world
  // A new process, a listing that hangs for its whole deadline, the longest pause, and the listing that ends it.
  const byMs =
    beganMs +
    20 * second +
    longestListingMs +
    setting.backoffMaxMs +
    2 * setting.periodMs +
    2 * setting.restoreGraceMs +
    second
  while (timeline.nowMs < byMs && !isWell(world, beganMs)) await timeline.passTo(timeline.nowMs + second)
  if (!isWell(world, beganMs))
    fail(
      'survives-outage',
      `still ${world.reconciler.status().engine.health} ${byMs - beganMs} ms after the engine came back`,
    )
}

function isWell({ agent, reconciler, safety }: World, sinceMs: number): boolean {
  const { state, engine } = reconciler.status()
  return (
    state === 'running' &&
    agent.isRestored &&
    engine.health === 'up' &&
    (safety.life?.look?.beganMs ?? -1) >= sinceMs
  )
}

/** Everything that dangles goes, however long it was graced, refused or retried before. */
async function waitForRemovals(world: World, fail: Fail): Promise<void> {
  const { timeline, setting } = world
  if (setting.dryRun || setting.maxShare !== undefined) return
  const longestGraceMs =
    Math.max(setting.creationGraceMs, setting.restoreGraceMs, setting.releaseGraceMs) +
    setting.recoveryGraceMs
  const beganMs = timeline.nowMs
  // The hook and the stop are waited for with one container after the other where places are few.
  const queueMs = danglingOf(world).length * consultingMs(setting)
  const baseMs = queueMs + beganMs + longestGraceMs + 2 * setting.periodMs + promptMs + 20 * second
  for (;;) {
    const left = danglingOf(world)
    if (left.length === 0) return
    const latest = left.map((body) => ({ body, byMs: baseMs + retryMs(world, body) }))
    const late = latest.find(({ byMs }) => timeline.nowMs > byMs)
    if (late)
      return fail(
        'eventually-removed',
        `${short(late.body.id)} (${late.body.state}) is still there ${Math.round(timeline.nowMs - beganMs)} ms after calm`,
      )
    await timeline.passTo(timeline.nowMs + second)
  }
}

/** How long the agent's hook and a graceful end may take. */
function consultingMs({ hasHook, stopTimeoutMs }: Setting): number {
  return (hasHook ? 3 * second : 0) + stopTimeoutMs
}

/** What its failures until now may add. */
function retryMs(world: World, { id }: Body): number {
  const failures = world.safety.failuresOf(id)
  return failures === 0 ? 0 : longestRemovalMs + (retriesMs[failures] ?? retriesMs.at(-1) ?? 0) + 60 * second
}

/** What is surely to be removed some time, by what truly is. */
function danglingOf(world: World): readonly Body[] {
  const { engine, setting } = world
  const states: readonly string[] = setting.states
  const isRemovable = (body: Body) =>
    world.leaks.includes(body) &&
    !isKept(body) &&
    engine.images.get(body.imageId)?.[ownerLabel] !== ownerValue &&
    body.labels[ownerLabel] === ownerValue
  const goes = (body: Body): boolean => isRemovable(body) && states.includes(body.state) && !isProtected(body)
  const isProtected = (holder: Body): boolean =>
    engine.alive.some(
      (guest) =>
        guest.networkMode === `container:${holder.id}` &&
        !goes(guest) &&
        !(isRemovable(guest) && guest.state === 'exited'),
    )
  return engine.alive.filter(goes)
}

/** A container that leaks now goes within 5 s of the end of its grace, or of its first sighting where that is later. */
async function checkPromptness(world: World, fail: Fail): Promise<void> {
  const { safety, setting, timeline } = world
  if (setting.dryRun || setting.maxShare !== undefined) return
  const isOutOfGrace = ({ firstLookMs = 0, recoveryFromMs = 0, askedInVainMs = -Infinity }) =>
    safety.countedMs(firstLookMs, timeline.nowMs) > setting.restoreGraceMs &&
    timeline.nowMs - recoveryFromMs > setting.recoveryGraceMs &&
    timeline.nowMs - askedInVainMs > askAgainMs
  while (safety.life && !isOutOfGrace(safety.life)) await timeline.passTo(timeline.nowMs + second)
  const probe = world.leak(new Random(1, 7))
  const createdMs = timeline.nowMs
  const graceEndsMs = createdMs + setting.creationGraceMs + clockErrorMs
  const seenByMs = createdMs + setting.periodMs + promptMs
  let seenMs: number | undefined
  for (;;) {
    await timeline.passTo(timeline.nowMs + 500)
    const sighting = safety.life?.look?.listing.containers.some(({ id }) => id === probe.id)
    if (sighting) seenMs ??= timeline.nowMs
    if (probe.removedMs !== undefined) return
    if (seenMs === undefined && timeline.nowMs > seenByMs + second)
      return fail('eventually-removed', 'a period passed without a look')
    if (
      seenMs !== undefined &&
      timeline.nowMs > Math.max(seenMs, graceEndsMs) + promptMs + consultingMs(setting)
    ) {
      return fail(
        'eventually-removed',
        `${short(probe.id)} is not removed within 5 s of ${seenMs > graceEndsMs ? 'its sighting' : "its grace's end"}`,
      )
    }
  }
}

/** one-line-per-change: what begins ends before it begins again, and what goes on is told ever more rarely. */
function checkLines(events: readonly FlotsamEvent[], fail: Fail): void {
  const open = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'started') open.clear()
    const about = 'about' in event ? event.about : event.type.startsWith('engine') ? 'engine' : undefined
    if (about === undefined) continue
    const mentions = open.get(about)
    if (event.type === 'trouble' || event.type === 'engineDown') {
      if (mentions !== undefined) fail('one-line-per-change', `${about} began twice`)
      open.set(about, 0)
    } else if (event.type === 'troubleOver' || event.type === 'engineUp') {
      if (mentions === undefined) fail('one-line-per-change', `${about} was over without having begun`)
      open.delete(about)
    } else {
      const forMs =
        event.type === 'engineStillDown'
          ? event.downForMs
          : event.type === 'troubleGoesOn'
            ? event.lastedMs
            : 0
      if (mentions === undefined) fail('one-line-per-change', `${about} goes on without having begun`)
      else if (forMs < 60 * second * 2 ** mentions - second)
        fail('one-line-per-change', `${about} is mentioned again after ${forMs} ms`)
      open.set(about, (mentions ?? 0) + 1)
    }
  }
}

/** flat, and quiet-stop: nothing is kept of what is gone, and nothing runs on after the end. */
async function checkEnd(world: World, fail: Fail): Promise<void> {
  const { process, reconciler, safety, timeline } = world
  await timeline.passTo(timeline.nowMs + 2 * world.setting.periodMs + 10 * second)
  const listed =
    safety.life?.look?.listing.containers.filter(({ labels }) => labels[ownerLabel] === ownerValue) ?? []
  const left = listed.filter(({ id }) => world.engine.find(id))
  const { containers, removals } = reconciler.status()
  const { total } = containers
  // A request that hangs holds on to a container that is gone.
  if (total > listed.length + removals.underWay.length || total < left.length) {
    fail(
      'flat',
      `${total} containers are remembered; ${listed.length} were listed and ${left.length} are left`,
    )
  }
  let isStopped = false
  safety.stopAsked()
  const stopped = reconciler.stop().then(() => {
    isStopped = true
  })
  await timeline.passTo(timeline.nowMs + settleMs + second)
  if (!isStopped) return fail('quiet-stop', `stop() has not ended after ${settleMs + second} ms`)
  await stopped
  await timeline.passTo(timeline.nowMs + longestRemovalMs)
  if (process.pendingTimers > 0) fail('flat', `${process.pendingTimers} timers are left after the end`)
}
