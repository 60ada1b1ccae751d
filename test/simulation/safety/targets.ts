import type { Body } from '../engine/body.ts'
import { isInfra, isKept, isOurs, isPerhapsFromImage, listedIn, type Scene } from './life.ts'

/** What the container is that a request would change. */
export function checkTarget(scene: Scene, id: string): void {
  const { engine, life, selfId, setting, violate } = scene
  if (setting.dryRun) violate('dry-run', id, 'a request that changes something, in a dry run')
  if (!/^[0-9a-f]{64}$/.test(id)) return violate('exact-id', id, `${JSON.stringify(id)} is no full id`)
  const body = engine.bodies.find((one) => one.id === id)
  if (!body) return violate('exact-id', id, 'there never was such a container')
  if (!isOurs(body)) violate('owned-only', id, 'it is not ours')
  if (id === selfId) violate('not-self', id, 'the agent runs in it')
  if (isPerhapsFromImage(body, engine)) violate('own-label', id, 'its label came with its image, or may have')
  if (isKept(body)) violate('protected', id, 'it bears the keep label')
  if (isInfra(body)) violate('protected', id, "it holds a pod's namespaces")
  const listed = listedIn(life, id)
  const isCovered = listed && (setting.states as readonly string[]).includes(listed.state)
  if (listed && !isCovered && !life.endedByUs.has(id)) violate('policy', id, `${listed.state} is not covered`)
  const guest = protectingGuest(scene, body)
  if (guest) violate('protected', id, `${guest.id.slice(0, 4)} uses its network`)
  return undefined
}

/** A container on the last listing that is there and truly uses this one's network, itself or through another. */
function protectingGuest(scene: Scene, holder: Body, met = new Set<string>()): Body | undefined {
  for (const guest of scene.engine.bodies) {
    if (guest.holderId !== holder.id || guest.removedMs !== undefined || met.has(guest.id)) continue
    const listed = listedIn(scene.life, guest.id)
    if (!listed) continue
    met.add(guest.id)
    if (!isForgotten(scene, guest) || !['exited', 'dead'].includes(listed.state)) return guest
    const further = protectingGuest(scene, guest, met)
    if (further) return further
  }
  return undefined
}

function isForgotten({ engine, life, setting }: Scene, body: Body): boolean {
  const isTracked =
    setting.tracker === 'at-once' && life.agent.tasks.has(body.id) && life.agent.trackerMood !== 'forgets-all'
  const isUnprotected = isOurs(body) && !isKept(body) && !isPerhapsFromImage(body, engine)
  return isUnprotected && !isTracked && life.answers.get(body.id)?.answer === false
}
