import { short } from '../agent.ts'
import type { World } from '../world.ts'
import {
  askAgainMs,
  clockErrorMs,
  consultingMs,
  danglingOf,
  type Fail,
  longestGraceMs,
  mayRemove,
  placeMs,
  promptMs,
  second,
} from './bounds.ts'

/** Each world probes one of these, chosen at random by its seed. */
const chanceOf = ({ setting }: World) => (setting.chaosMs % 100) / 100

/** A container that leaks now goes within 5 s of the end of its grace, or of the first listing that shows it if that is later. */
export async function checkPromptness(world: World, fail: Fail): Promise<void> {
  const { safety, setting, timeline } = world
  const isOutOfGrace = ({ firstScanMs = 0, recoveryFromMs = 0, askedInVainMs = -Infinity }) =>
    safety.time.between(firstScanMs, timeline.nowMs) > setting.restoreGraceMs &&
    timeline.nowMs - recoveryFromMs > setting.recoveryGraceMs &&
    timeline.nowMs - askedInVainMs > askAgainMs
  const byMs = timeline.nowMs + longestGraceMs(setting) + 10 * askAgainMs
  while (safety.life && !isOutOfGrace(safety.life)) {
    if (timeline.nowMs > byMs) return fail('eventually-removed', 'a failed question is never asked again')
    await timeline.passTo(timeline.nowMs + second)
  }
  const receives = setting.events && (await waitForEvents(world, fail))
  if (receives) await waitForQuiet(world)
  const leak = world.leak()
  const { id } = leak
  const createdMs = timeline.nowMs
  if (receives) {
    await timeline.passTo(createdMs + second)
    world.note('check:prompt-by-event')
    if (!isSeen(world, id)) fail('known-by-event', `${short(id)} is not known a second after its start`)
  }
  if (mayRemove(setting) && danglingOf(world).includes(leak)) await waitForProbe(world, id, createdMs, fail)
}

function isSeen({ safety }: World, id: string): boolean {
  return safety.life?.scan?.listing.containers.some((one) => one.id === id) ?? false
}

async function waitForProbe(world: World, id: string, createdMs: number, fail: Fail): Promise<void> {
  const { engine, setting, timeline } = world
  const graceEndsMs = createdMs + setting.creationGraceMs + clockErrorMs
  const seenByMs = createdMs + setting.periodMs + promptMs
  let seenMs: number | undefined
  // What was held until now may dangle beside it, and has the slots first.
  let crowd = 0
  for (;;) {
    await timeline.passTo(timeline.nowMs + 500)
    const { queued, underWay } = world.reconciler.status().removals
    crowd = Math.max(crowd, queued + underWay.length - 1)
    if (isSeen(world, id)) seenMs ??= timeline.nowMs
    if (!engine.find(id)) return world.note('check:prompt')
    if (seenMs === undefined && timeline.nowMs > seenByMs + second)
      return fail('eventually-removed', 'a period passed without a scan')
    const sinceMs = Math.max(seenMs ?? Infinity, graceEndsMs)
    if (
      timeline.nowMs >
      sinceMs + promptMs + consultingMs(setting) + crowd * (placeMs + consultingMs(setting))
    ) {
      const since = sinceMs > graceEndsMs ? 'its first listing' : "its grace's end"
      return fail('eventually-removed', `${short(id)} is not removed within 5 s of ${since}`)
    }
  }
}

/** The events are followed again, however often the stream broke before. */
async function waitForEvents(world: World, fail: Fail): Promise<boolean> {
  const { reconciler, setting, timeline } = world
  const byMs = timeline.nowMs + Math.max(setting.backoffMaxMs, setting.periodMs) + 2 * second
  while (!reconciler.status().engine.followsEvents) {
    if (timeline.nowMs > byMs) {
      fail('survives-outage', 'the events are not followed again')
      return false
    }
    await timeline.passTo(timeline.nowMs + second)
  }
  return true
}

/** Until the pause after a scan is over, and the next scan is not too near. */
async function waitForQuiet({ safety, setting, timeline }: World): Promise<void> {
  const restMs = Math.min(31 * second, setting.periodMs - 3 * second)
  for (let attempts = 0; attempts < 500; attempts++) {
    const agoMs = timeline.nowMs - (safety.life?.listedAtMs.at(-1) ?? 0)
    if (agoMs >= restMs && agoMs <= setting.periodMs - 2 * second) return
    await timeline.passTo(timeline.nowMs + 500)
  }
}

/** no-head-of-line: each hanging removal delays the others by at most the time of one slot. */
export async function checkHeadOfLine(world: World, fail: Fail): Promise<void> {
  const { engine, setting, timeline } = world
  if (!mayRemove(setting) || chanceOf(world) > 0.25) return
  const hung = 2 * setting.maxConcurrent + 1
  const hangs = () => ({ kind: 'hangs' as const, times: 3 })
  const bodies = Array.from({ length: hung }, () => world.leak({ removalFault: hangs() }))
  const last = world.leak()
  const { id } = last
  if (!danglingOf(world).includes(last)) return
  const rounds = Math.ceil(hung / Math.min(setting.maxConcurrent, setting.maxPerScan)) + 1
  const byMs =
    timeline.nowMs +
    setting.periodMs +
    setting.creationGraceMs +
    clockErrorMs +
    promptMs +
    rounds * (placeMs + second + consultingMs(setting))
  while (engine.find(id)) {
    if (timeline.nowMs > byMs)
      return fail(
        'no-head-of-line',
        `${short(id)} waits for ${hung} that hang, and longer than their slots last`,
      )
    await timeline.passTo(timeline.nowMs + second)
  }
  for (const { removalFault } of bodies) if (removalFault) removalFault.times = 0
  return world.note('check:no-head-of-line')
}

/** What was seen of an image while its container was tracked holds when it is gone, and the container is released. */
export async function checkLostImage(world: World, fail: Fail): Promise<void> {
  const { agent, engine, safety, setting, timeline } = world
  if (!mayRemove(setting) || chanceOf(world) < 0.25 || chanceOf(world) > 0.5) return
  const imageId = `sha256:${'e'.repeat(64)}`
  engine.images.set(imageId, {})
  const body = world.put({ imageId })
  const { id } = body
  agent.register(id)
  const readByMs = timeline.nowMs + 2 * setting.periodMs + 2 * promptMs
  const isRead = () => safety.life?.readImages.has(imageId) === true
  while (!isRead()) {
    if (timeline.nowMs > readByMs)
      return fail('eventually-removed', `the image of ${short(id)}, which is tracked, is not read`)
    await timeline.passTo(timeline.nowMs + 500)
  }
  engine.loseImage(imageId)
  agent.release(id)
  const byMs = timeline.nowMs + longestGraceMs(setting) + 3 * setting.periodMs + 60 * second
  while (engine.find(id)) {
    if (timeline.nowMs > byMs && danglingOf(world).includes(body))
      return fail('eventually-removed', `${short(id)}, whose image was read and is gone, is not removed`)
    if (timeline.nowMs > 2 * byMs) return
    await timeline.passTo(timeline.nowMs + second)
  }
  world.note('check:lost-image')
}

/** Scans do not grow with events: hints alone ask for two a second at most. */
export async function checkFlood(world: World, fail: Fail): Promise<void> {
  const { engine, safety, setting, timeline } = world
  if (!setting.events || chanceOf(world) < 0.8 || !(await waitForEvents(world, fail))) return
  const floodMs = 10 * second
  const beganMs = timeline.nowMs
  for (let atMs = 0; atMs < floodMs; atMs += 100) {
    engine.events.flood(10, engine.bodies)
    await timeline.passTo(beganMs + atMs + 100)
  }
  const listings = safety.life?.listedAtMs.filter((atMs) => atMs >= beganMs).length ?? 0
  // A scan that finds something with a filter lists once more; a few are due anyway.
  const most = (floodMs / 500 + 6) * (setting.filterListing ? 2 : 1)
  world.note('check:scans-bounded-in-a-flood')
  if (listings > most) fail('bounded-scans', `${listings} listings in ${floodMs} ms of a flood of events`)
}
