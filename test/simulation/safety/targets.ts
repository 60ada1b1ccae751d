import { type Body, coveredAs, hasEnded, isAtWork } from '../engine/body.ts'
import {
  isFromImage,
  isKept,
  isOfEndedSession,
  isOrchestrated,
  isOurs,
  isOwned,
  isProven,
  listedIn,
  otherSessionOf,
  type Scene,
} from './life.ts'
import { isNews, startSince } from './moments.ts'

/** The tracker is asked after the store, and may take its time. */
const lastQuestionsMs = 2 * 2000 + 100
/** What ends so long after a request of ours has failed has ended by itself; a little later is tolerated. */
const failedStopCountsMs = 17_000

/** What the container is that a request would change. */
export function checkTarget(scene: Scene, id: string): void {
  const { engine, life, selfId, setting, violate } = scene
  if (setting.dryRun) violate('dry-run', id, 'a request that changes something, in a dry run')
  if (!/^[0-9a-f]{64}$/.test(id)) return violate('exact-id', id, `${JSON.stringify(id)} is no full id`)
  const body = engine.bodies.find((one) => one.id === id)
  if (!body) return violate('exact-id', id, 'there never was such a container')
  const isThere = body.removedMs === undefined
  const namesake = engine.alive.find(({ name }) => name === id)
  // One that a listing left out cannot be known, and does no harm while the id's own bearer is there.
  if (namesake && (!isThere || listedIn(life, namesake.id)))
    violate('exact-id', id, `${namesake.id.slice(0, 4)} bears its id for a name`, isThere)
  if (listedIn(life, id)?.unreadable) violate('unknown-is-spared', id, 'its entry could not be read')
  if (life.scan?.listing.unidentified)
    violate('unknown-is-spared', id, 'an entry without an id may be of a container that needs it')
  if (isListedTwice(scene, id)) violate('exact-id', id, 'the last scan shows it twice')
  const isConfirmed = body.inspectedMs !== undefined && body.inspectedMs >= (life.scan?.beganMs ?? Infinity)
  if (isThere && !isConfirmed) violate('second-source', id, 'it was not inspected since the scan began')
  if (body.isHalfRemoved && body.removalBy !== life.process)
    violate('second-source', id, 'its removal was interrupted, and another process began it')
  checkSession(scene, body)
  if (!isOwned(body, setting))
    violate(isListedAsOurs(scene, id) ? 'second-source' : 'owned-only', id, 'it is not ours')
  if (id === selfId) violate('not-self', id, 'the agent runs in it')
  if (isFromImage(body, engine)) violate('own-label', id, 'its label came with its image')
  if (!life.readImages.has(body.imageId) && !isProven(body))
    violate('positive-evidence', id, 'its image was never read')
  if (isKept(body)) violate('protected', id, 'it bears the keep label')
  if (isOrchestrated(body)) violate('protected', id, 'an orchestrator keeps it')
  if (body.isInfra) violate('protected', id, "it holds a pod's namespaces")
  checkState(scene, body)
  const guest = protectingGuest(scene, body)
  if (guest) violate('protected', id, `${guest.id.slice(0, 4)} depends on it`)
  return undefined
}

/** live-session: only where the store says that the lease is gone, for a session grace and as the last question. */
function checkSession(scene: Scene, body: Body): void {
  const { life, nowMs, setting, time, violate } = scene
  const session = otherSessionOf(body, setting)
  if (session === undefined) return
  const { id } = body
  if (!isOfEndedSession(body, scene))
    violate('live-session', id, `its session ${session.slice(0, 4)} has not ended`)
  const lease = life.leases.get(session)
  if (!lease || lease.isHeld)
    return violate('live-session', id, 'the store does not say that the lease is gone', true)
  if (nowMs - lease.atMs > lastQuestionsMs) violate('live-session', id, 'the store was not asked last', true)
  const goneMs = time.between(lease.sinceMs, life.scan?.beganMs ?? nowMs)
  if (goneMs < setting.sessionGraceMs - 10)
    violate('live-session', id, `the scan began ${Math.round(goneMs)} ms after the lease was gone`)
}

function isListedTwice({ life }: Scene, id: string): boolean {
  return (life.scan?.listing.containers.filter((one) => one.id === id).length ?? 0) > 1
}

function isListedAsOurs({ life, setting }: Scene, id: string): boolean {
  const listed = listedIn(life, id)
  return listed !== undefined && isOwned(listed, setting)
}

/** not-ours-to-stop: a state that the owner does not cover counts only where no request of ours brought it about. */
function checkState(scene: Scene, body: Body): void {
  const { life, setting, violate } = scene
  const { id, endedMs = 0, inspectedState = body.state, startedMs = 0 } = body
  const state = coveredAs(inspectedState)
  if ((setting.states as readonly string[]).includes(state)) return
  // Our own removal, which was interrupted, has brought it about.
  if (body.isHalfRemoved && body.removalBy === life.process) return
  const stop = life.endedByUs.get(id)
  const isOver =
    stop === undefined ||
    (startedMs > stop.sentMs && !isNews(scene, body)) ||
    (stop.failedMs !== undefined && endedMs >= stop.failedMs + failedStopCountsMs)
  if (!isOver) return
  violate('not-ours-to-stop', id, `it is ${state}, which is not covered, and nothing of ours has ended it`)
}

/**
 * Whether it uses something of the holder's, and that can be known: a guest may go on calling its holder by a name that it
 * had only before this process inspected the guest for the first time.
 */
function isKnowableGuest({ engine, life }: Scene, guest: Body, holder: Body): boolean {
  const isCalledSo = (called: string) => engine.alive.some((body) => body.name === called)
  const { firstRenamedMs = Infinity, id, name } = holder
  const isRenamedBefore = firstRenamedMs < (life.firstInspectedMs.get(guest.id) ?? Infinity)
  return guest.shares.some(
    ({ called, holderId, isLookedUp }) =>
      holderId === id &&
      (isLookedUp ||
        id.startsWith(called) ||
        called === name ||
        !isRenamedBefore ||
        (!hasEnded(guest) && !isCalledSo(called))),
  )
}

/** A container on the last listing that is there and truly depends on this one, itself or through another. */
function protectingGuest(scene: Scene, holder: Body, met = new Set<string>()): Body | undefined {
  for (const guest of scene.engine.alive) {
    if (met.has(guest.id) || !isKnowableGuest(scene, guest, holder)) continue
    if (!listedIn(scene.life, guest.id)) continue
    met.add(guest.id)
    const runs = !hasEnded(guest) && !(isAtWork(guest) && isNews(scene, guest))
    if (!isForgotten(scene, guest) || runs || isNewAgain(scene, guest)) return guest
    const further = protectingGuest(scene, guest, met)
    if (further) return further
  }
  return undefined
}

/** A guest that ran since the listing was written is new again, although it has ended. */
function isNewAgain(scene: Scene, guest: Body): boolean {
  const sinceMs = startSince(scene, guest)
  if (sinceMs === undefined || !hasEnded(guest)) return false
  return scene.time.between(sinceMs, scene.nowMs) < scene.setting.creationGraceMs - 10
}

function isForgotten(scene: Scene, body: Body): boolean {
  const { engine, life, setting } = scene
  const isTracked = setting.tracker === 'at-once' && life.agent.tracks(body) && !life.agent.hasForgotten
  const isOwn = isOurs(body) || isOfEndedSession(body, scene)
  const isUnprotected = isOwn && !isKept(body) && !isFromImage(body, engine) && !isOrchestrated(body)
  return isUnprotected && !isTracked && life.answers.get(body.id)?.answer === false
}
