import { asLabels, asText } from '../blueprint.ts'
import { isOn, jsonBody, type Call, type Route } from '../call.ts'
import { labelQuestion, readFilters } from '../filters.ts'
import type { Volume } from '../model.ts'
import { Refusal } from '../refusal.ts'
import { libpodVolumeShape, volumeShape } from '../shapes/volume.ts'

function route(method: Route['method'], pattern: RegExp, run: Route['run']): Route {
  return { method, pattern, namesContainer: false, run }
}

export const volumeRoutes: readonly Route[] = [
  route('GET', /^\/volumes$/, list),
  route('POST', /^\/volumes\/create$/, create),
  route('POST', /^\/volumes\/prune$/, prune),
  route('GET', /^\/volumes\/([^/]+)$/, (call) => inspect(call, volumeShape)),
  route('GET', /^\/libpod\/volumes\/([^/]+)\/json$/, (call) => inspect(call, libpodVolumeShape)),
  route('DELETE', /^\/volumes\/([^/]+)$/, remove),
]

async function list({ world, query, answer }: Call): Promise<void> {
  const { volumes } = world
  const filters = readFilters(
    query.get('filters'),
    new Set(['dangling', 'driver', 'label', 'name']),
    world.dialect,
  )
  const hasLabels = labelQuestion(filters)
  const dangling = filters.get('dangling')?.map((value) => value === 'true' || value === '1')
  const names = filters.get('name')
  const matches = (volume: Volume): boolean =>
    hasLabels(volume) &&
    (!dangling || dangling.includes(volumes.userCount(volume.name) === 0)) &&
    (!names || names.some((name) => volume.name.includes(name)))
  await answer.json(200, { Volumes: [...volumes.values()].filter(matches).map(volumeShape), Warnings: null })
}

async function create(call: Call): Promise<void> {
  const body = jsonBody(call)
  const name = asText(body['Name'])
  const volume = call.world.volumes.create(name === '' ? undefined : name, asLabels(body['Labels']))
  await call.answer.json(201, volumeShape(volume))
}

/** Without `all`, removes only anonymous volumes; before API 1.42 all of them. */
async function prune({ world, query, apiVersion, answer }: Call): Promise<void> {
  const knowsAll = world.dialect.prunesOnlyAnonymous(apiVersion)
  const known = new Set(['label', 'label!', ...(knowsAll ? ['all'] : [])])
  const filters = readFilters(query.get('filters'), known, world.dialect)
  const all = !knowsAll || filters.get('all')?.some((value) => value === 'true' || value === '1') === true
  const hasLabels = labelQuestion(filters)
  const names = world.volumes.prune((volume) => (all || volume.isAnonymous) && hasLabels(volume))
  await answer.json(200, { VolumesDeleted: names, SpaceReclaimed: 0 })
}

async function inspect({ world, reference, answer }: Call, shapeOf: typeof volumeShape): Promise<void> {
  await answer.json(200, shapeOf(world.volumes.resolve(reference)))
}

async function remove({ world, query, reference, answer }: Call): Promise<void> {
  try {
    world.volumes.remove(reference)
  } catch (refusal) {
    const isForgiven = refusal instanceof Refusal && refusal.status === 404 && isOn(query, 'force')
    if (!isForgiven) throw refusal
  }
  await answer.empty(204)
}
