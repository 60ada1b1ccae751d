import { short } from '../agent.ts'
import type { Violation } from '../safety/life.ts'
import type { World } from '../world.ts'
import {
  consultingMs,
  danglingOf,
  type Fail,
  longestGraceMs,
  longestListingMs,
  mayRemove,
  promptMs,
  retryMs,
  second,
} from './bounds.ts'
import { checkEnd } from './end.ts'
import { checkLines } from './lines.ts'
import { checkFlood, checkHeadOfLine, checkLostImage, checkPromptness } from './probes.ts'

type Violate = (violation: Violation) => void

/** Every fault ends; from then on removals are only awaited. */
export async function waitInCalm(world: World): Promise<void> {
  const { setting, timeline } = world
  world.becalm()
  await timeline.passTo(timeline.nowMs + longestGraceMs(setting) + setting.periodMs + 30 * second)
}

/** The liveness rules, each against its bound, in a world where nothing goes wrong any more. */
export async function checkCalm(world: World, violate: Violate): Promise<void> {
  const { timeline } = world
  let isWell = true
  const fail: Fail = (rule, message) => {
    isWell = false
    world.say(`VIOLATION ${rule}: ${message}`)
    violate({ rule, message, atMs: timeline.nowMs, wrong: undefined })
  }
  world.becalm()
  for (const check of checks) {
    if (isWell) await check(world, fail)
  }
  checkLines(world, fail)
}

const checks = [
  checkHealth,
  checkRemovals,
  checkPromptness,
  checkHeadOfLine,
  checkLostImage,
  checkFlood,
  checkEnd,
]

/** survives-outage: every fault is over. */
async function checkHealth(world: World, fail: Fail): Promise<void> {
  const { setting, timeline } = world
  const beganMs = timeline.nowMs
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
  world.note('check:survives-outage')
  if (isWell(world, beganMs)) return
  const { health } = world.reconciler.status().engine
  fail('survives-outage', `still ${health} ${byMs - beganMs} ms after the engine came back`)
}

function isWell({ agent, reconciler, safety }: World, sinceMs: number): boolean {
  const { state, engine } = reconciler.status()
  const isScanned = (safety.life?.scan?.beganMs ?? -1) >= sinceMs
  return state === 'running' && agent.isRestored && engine.health === 'up' && isScanned
}

/** eventually-removed: everything that dangles goes, however long it was graced, refused or retried before. */
async function checkRemovals(world: World, fail: Fail): Promise<void> {
  const { timeline, setting } = world
  if (!mayRemove(setting)) return
  const beganMs = timeline.nowMs
  // The hook and the stop are waited for with one container after the other when slots are few.
  const queueMs = danglingOf(world).length * consultingMs(setting)
  // A guest whose start cannot be dated when it is first inspected is graced once more, and its holder waits for it.
  const graceMs = longestGraceMs(setting) + setting.creationGraceMs
  const baseMs = queueMs + beganMs + graceMs + 2 * setting.periodMs + promptMs + 20 * second
  for (;;) {
    const left = danglingOf(world)
    if (left.length === 0) return world.note('check:eventually-removed')
    const late = left.find((body) => timeline.nowMs > baseMs + retryMs(world, body))
    if (late) {
      const afterMs = Math.round(timeline.nowMs - beganMs)
      return fail(
        'eventually-removed',
        `${short(late.id)} (${late.state}) is still there ${afterMs} ms after calm`,
      )
    }
    await timeline.passTo(timeline.nowMs + second)
  }
}
