import { asLabels } from '../blueprint.ts'
import { isOn, jsonBody, type Call, type Route } from '../call.ts'
import { hasLabel, readFilters } from '../filters.ts'
import { familiarName } from '../images.ts'
import { Refusal } from '../refusal.ts'
import { imageShape, imageSummaryShape } from '../shapes/inspection.ts'

function route(method: Route['method'], pattern: RegExp, run: Route['run']): Route {
  return { method, pattern, namesContainer: false, run }
}

export const imageRoutes: readonly Route[] = [
  route('GET', /^\/images\/json$/, list),
  route('POST', /^\/images\/create$/, pull),
  route('GET', /^\/images\/(.+)\/json$/, inspect),
  route('POST', /^\/images\/(.+)\/tag$/, tag),
  route('DELETE', /^\/images\/(.+)$/, remove),
  route('POST', /^\/commit$/, commit),
]

async function list({ world, query, answer }: Call): Promise<void> {
  const known = new Set(['label', 'reference', 'dangling', 'before', 'since', 'until'])
  const filters = readFilters(query.get('filters'), known, world.dialect)
  const labels = (filters.get('label') ?? []).map(hasLabel)
  const references = filters.get('reference')?.map(globOf)
  const images = [...world.images.values()]
    .filter((image) => labels.every((asks) => asks(image)))
    .filter(({ tags }) => !references || tags.some((name) => references.some((glob) => glob.test(name))))
    .sort((a, b) => b.createdAtMs - a.createdAtMs)
  await answer.json(
    200,
    images.map((image) => imageSummaryShape(image)),
  )
}

/** `name`, `name:tag`, with `*` for anything but a slash. */
function globOf(text: string): RegExp {
  const escaped = text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*')
  return new RegExp(`^${escaped}(?::[^/]*)?$`)
}

async function inspect({ world, reference, answer }: Call): Promise<void> {
  await answer.json(200, imageShape(world.images.resolve(reference)))
}

/** There is no registry behind this engine: only what it has can be pulled. */
async function pull({ world, query, answer }: Call): Promise<void> {
  const name = familiarName(query.get('fromImage') ?? '')
  const asked = query.get('tag') ?? ''
  const reference = asked === '' ? name : `${name}:${asked}`
  if (!world.images.find(reference)) {
    const why = "repository does not exist or may require 'docker login'"
    throw new Refusal(
      404,
      `pull access denied for ${name}, ${why}: denied: requested access to the resource is denied`,
    )
  }
  await answer.json(200, { status: `Status: Image is up to date for ${reference}` })
}

async function tag({ world, query, reference, answer }: Call): Promise<void> {
  const name = query.get('repo') ?? ''
  const asked = query.get('tag') ?? ''
  world.images.tag(reference, asked === '' ? name : `${name}:${asked}`)
  await answer.empty(201)
}

async function remove({ world, query, reference, answer }: Call): Promise<void> {
  const userOf = (imageId: string) => {
    for (const container of world.containers.store.values())
      if (container.imageId === imageId) return container.id
    return undefined
  }
  await answer.json(200, world.images.remove(reference, userOf, isOn(query, 'force')))
}

/** A snapshot of a container: an image that carries the container's labels. */
async function commit(call: Call): Promise<void> {
  const { world, query, body, answer } = call
  const container = world.containers.resolve(query.get('container') ?? '')
  const more = body.length === 0 ? {} : asLabels(jsonBody(call)['Labels'])
  const name = query.get('repo') ?? ''
  const tagged = query.get('tag') ?? ''
  const spec = {
    reference: tagged === '' ? name : `${name}:${tagged}`,
    labels: { ...container.labels, ...more },
    command: container.command,
    env: container.env,
  }
  await answer.json(201, { Id: world.images.add(spec, container.imageId) })
}
