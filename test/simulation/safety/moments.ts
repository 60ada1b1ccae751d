import { type Body, isAtWork } from '../engine/body.ts'
import { type Life, listedIn, type Scan, type Scene } from './life.ts'

const verdictLifeMs = 5000

/** The last questions and observations before a request. */
export function checkMoment(scene: Scene, id: string): void {
  const { life, nowMs, setting, time, timeline, violate } = scene
  const { scan, agent } = life
  if (life.stopAskedMs !== undefined) violate('quiet-stop', id, 'a removal begins after stop()')
  const last = life.answers.get(id)
  if (last?.answer !== false)
    violate('unknown-is-spared', id, `the tracker last said ${String(last?.answer)}`)
  const isEmptied =
    life.emptiedMs !== undefined && time.between(life.emptiedMs, nowMs) < setting.releaseGraceMs - 10
  const isSudden = agent.trackerMood === 'forgets-suddenly' && (isEmptied || life.reportedTracked.has(id))
  const isTracked = isTrackedKnowably(scene, id)
  if (isTracked && isSudden) violate('unknown-is-spared', id, 'the tracker has forgotten all, and only just')
  else if (isTracked && !agent.hasForgotten) violate('fresh-scan', id, 'the agent tracks it')
  else if (last && last.turn !== timeline.turn)
    violate('fresh-scan', id, 'the tracker was not asked last', true)
  if (setting.hasHook && life.approvals.get(id) !== true)
    violate('unknown-is-spared', id, 'the hook has not agreed')
  if (!scan) return violate('fresh-scan', id, 'there is no scan to decide upon', true)
  if (scan.isFiltered) violate('protected', id, 'decided on a filtered scan', true)
  if (!listedIn(life, id)) violate('fresh-scan', id, 'the last scan does not hold it', true)
  const ageMs = life.process.now() - scan.deliveredMs
  if (ageMs > verdictLifeMs + 10) violate('fresh-scan', id, `the last scan is ${ageMs} ms old`, true)
  return undefined
}

/** Whether the agent tracks it by what it is called; a name that it got after its last inspection cannot be known. */
function isTrackedKnowably(scene: Scene, id: string): boolean {
  const body = scene.engine.bodies.find((one) => one.id === id)
  if (!body) return scene.life.agent.tasks.has(id)
  return (
    scene.life.agent.tracks(body) &&
    !(scene.setting.knownBy === 'name' && isNews(scene, body, body.renamedMs))
  )
}

/** The time that may have passed, and the agent's promises. */
export function checkGraces(scene: Scene, id: string): void {
  const { engine, life, nowMs, setting, time, violate } = scene
  const { scan, agent } = life
  const body = engine.bodies.find((one) => one.id === id)
  const promised = agent.promised.get(id)
  // After its deadline the agent drops it, whatever it still waits for.
  if (promised?.deadlineMs !== undefined && nowMs <= promised.deadlineMs) {
    const isUnknowable =
      body !== undefined &&
      (promised.kind === 'start' ? isNews(scene, body) : creationSince(scene, life, body) === undefined)
    const rule = promised.kind === 'start' ? 'new-again' : time.blame(body?.createdMs ?? 0)
    if (!isUnknowable) violate(rule, id, `the agent is about to register it (${promised.kind})`)
  }
  const releasedUntilMs = agent.releasing.get(id)
  if (releasedUntilMs !== undefined && releasedUntilMs >= nowMs && life.owedRelease.has(id)) {
    violate(
      time.blame(releasedUntilMs - setting.releaseGraceMs),
      id,
      'the agent is about to remove it itself',
    )
  }
  if (!scan || !body) return
  checkGrace(scene, id, 'creation', creationSince(scene, life, body), setting.creationGraceMs, scan)
  checkGrace(scene, id, 'start', startSince(scene, body), setting.creationGraceMs, scan)
  checkGrace(scene, id, 'unpause', life.runsOnSinceMs.get(id), setting.creationGraceMs, scan)
  checkGrace(scene, id, 'restore', life.firstScanMs, setting.restoreGraceMs, scan)
  checkGrace(scene, id, 'recovery', life.recoveryFromMs, setting.recoveryGraceMs, scan)
}

function checkGrace(
  { time, violate }: Scene,
  id: string,
  name: string,
  sinceMs: number | undefined,
  graceMs: number,
  scan: Scan,
): void {
  if (sinceMs === undefined) return
  const countedMs = time.between(sinceMs, scan.beganMs)
  if (countedMs >= graceMs - 10) return
  const isNewAgain = name === 'start' || name === 'unpause'
  const rule = name === 'recovery' ? 'awake-time' : isNewAgain ? 'new-again' : time.blame(sinceMs)
  violate(rule, id, `the scan began ${Math.round(countedMs)} ms into a ${name} grace of ${graceMs} ms`)
}

/** Where an engine set its clock before it first reported the time, its ages are all that is known. */
function creationSince(
  { time }: Scene,
  { firstReportedMs = Infinity }: Life,
  { createdMs }: Body,
): number | undefined {
  return time.jumpedBetween(createdMs, firstReportedMs) ? undefined : createdMs
}

/** An inspection may be so old when the last question is put, and a question takes its time. */
const inspectionLifeMs = 500
const errorMs = 50
const lastQuestionMs = 2 * 2000

/**
 * Whether it was started, or changed otherwise at that time, after its last inspection, which cannot be known while that one is fresh: a moment before the
 * last question, which the container's guests may be inspected before.
 */
export function isNews(
  scene: Scene,
  { id, inspectedMs = -Infinity, startedMs }: Body,
  sinceMs = startedMs,
): boolean {
  if ((sinceMs ?? -Infinity) < inspectedMs) return false
  const { life, nowMs, setting } = scene
  const readMs = Math.max(...[...kinOf(scene, id)].map((one) => life.inspectionReadMs.get(one) ?? -Infinity))
  const isAtOnce = setting.tracker === 'at-once' && life.agent.trackerMood !== 'late'
  return nowMs - readMs <= inspectionLifeMs + errorMs + (isAtOnce ? 0 : lastQuestionMs)
}

/** Those that are inspected for one removal: a container, those that use something of it, and what these use. */
function kinOf({ engine }: Scene, id: string): ReadonlySet<string> {
  const kin = new Set([id])
  for (const one of kin)
    for (const body of engine.bodies) {
      const holders = body.shares.map(({ holderId }) => holderId)
      if (body.id === one) for (const holder of holders) kin.add(holder)
      else if (holders.includes(one)) kin.add(body.id)
    }
  return kin
}

/** A start by a restart policy counts three times in a row; one since the last inspection cannot be known. */
export function startSince(scene: Scene, body: Body): number | undefined {
  const { firstInspectedMs, firstReportedMs = Infinity } = scene.life
  const { time } = scene
  const { createdMs, id, inspectedMs = -Infinity, restartCount, startedMs } = body
  if (startedMs === undefined || startedMs === createdMs || isNews(scene, body)) return undefined
  // An inspection from before the start shows that it is not an old one, unless it is over again.
  const wasSeenBefore = (firstInspectedMs.get(id) ?? Infinity) < startedMs && isAtWork(body)
  const isMisdated = !wasSeenBefore && time.jumpedBetween(startedMs, Math.max(firstReportedMs, inspectedMs))
  return restartCount > 3 || isMisdated ? undefined : startedMs
}
