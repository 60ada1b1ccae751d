import type { Body } from '../engine/body.ts'
import { type Life, listedIn, type Look, type Scene } from './life.ts'

const verdictLifeMs = 5000

/** What was asked and seen last before a request. */
export function checkMoment({ life, setting, timeline, violate }: Scene, id: string): void {
  const { look, agent } = life
  if (life.stopAskedMs !== undefined) violate('quiet-stop', id, 'a removal begins after stop()')
  const last = life.answers.get(id)
  if (last?.answer !== false)
    violate('unknown-is-spared', id, `the tracker last said ${String(last?.answer)}`)
  if (agent.tasks.has(id) && agent.trackerMood !== 'forgets-all')
    violate('fresh-look', id, 'the agent tracks it')
  else if (last && last.turn !== timeline.turn)
    violate('fresh-look', id, 'the tracker was not asked last', true)
  if (setting.hasHook && life.approvals.get(id) !== true)
    violate('unknown-is-spared', id, 'the hook has not agreed')
  if (!look) return violate('fresh-look', id, 'there is no look to decide upon', true)
  if (look.isFiltered) violate('protected', id, 'decided on a filtered look', true)
  if (!listedIn(life, id)) violate('fresh-look', id, 'the last look does not hold it', true)
  const ageMs = life.process.now() - look.deliveredMs
  if (ageMs > verdictLifeMs + 10) violate('fresh-look', id, `the last look is ${ageMs} ms old`, true)
  return undefined
}

/** What time may have passed, and what the agent has promised. */
export function checkGraces(scene: Scene, id: string): void {
  const { engine, life, nowMs, setting, time, violate } = scene
  const { look, agent } = life
  const body = engine.bodies.find((one) => one.id === id)
  const promised = agent.promised.get(id)
  // Past its deadline the agent will give it up, whatever it still waits for.
  if (promised?.deadlineMs !== undefined && nowMs <= promised.deadlineMs) {
    const rule = time.blame(body?.createdMs ?? 0)
    violate(rule, id, `the agent is about to register it (${promised.kind})`)
  }
  const releasedUntilMs = agent.releasing.get(id)
  if (releasedUntilMs !== undefined && releasedUntilMs >= nowMs && life.owedRelease.has(id)) {
    violate(
      time.blame(releasedUntilMs - setting.releaseGraceMs),
      id,
      'the agent is about to remove it itself',
    )
  }
  if (!look || !body) return
  checkGrace(scene, id, 'creation', creationSince(scene, life, body), setting.creationGraceMs, look)
  checkGrace(scene, id, 'restore', life.firstLookMs, setting.restoreGraceMs, look)
  checkGrace(scene, id, 'recovery', life.recoveryFromMs, setting.recoveryGraceMs, look)
}

function checkGrace(
  { time, violate }: Scene,
  id: string,
  name: string,
  sinceMs: number | undefined,
  graceMs: number,
  look: Look,
): void {
  if (sinceMs === undefined) return
  const countedMs = time.between(sinceMs, look.beganMs)
  if (countedMs >= graceMs - 10) return
  const rule = name === 'recovery' ? 'awake-time' : time.blame(sinceMs)
  violate(rule, id, `the look began ${Math.round(countedMs)} ms into a ${name} grace of ${graceMs} ms`)
}

/** Where an engine set its clock before it ever told the time, its ages are all that anybody knows. */
function creationSince(
  { time }: Scene,
  { firstToldMs = Infinity }: Life,
  { createdMs }: Body,
): number | undefined {
  return time.jumpedBetween(createdMs, firstToldMs) ? undefined : createdMs
}
