import { asLabels, asRecord } from '../blueprint.ts'
import { isOn, jsonBody, viewOf, type Call, type Route } from '../call.ts'
import { isBelow } from '../dialect.ts'
import { unusableImageName } from '../dialects/podman.ts'
import { hasLabel, readFilters } from '../filters.ts'
import { familiarName, withTag } from '../images.ts'
import { isAlive, type Container, type Image, type ImagePlatform } from '../model.ts'
import { patched } from '../patch.ts'
import { Refusal } from '../refusal.ts'
import { imageShape, imageSummaryShape, manifestsShape } from '../shapes/image.ts'

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

async function list(call: Call): Promise<void> {
  const { world, query, answer } = call
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
    images.map((image) => imageSummaryShape(image, viewOf(call))),
  )
}

/** `name` or `name:tag`, in which `*` matches anything except a slash. */
function globOf(text: string): RegExp {
  const escaped = text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*')
  return new RegExp(`^${escaped}(?::[^/]*)?$`)
}

async function inspect(call: Call): Promise<void> {
  const { world, query, apiVersion, reference, answer } = call
  // the image id of a container without an image
  if (reference === 'sha256:' && world.dialect.isPodman) throw unusableImageName(reference)
  const image = world.images.resolve(reference)
  const hasManifests =
    world.dialect.name === 'dockerd-containerd' && !isBelow(apiVersion, '1.48') && isOn(query, 'manifests')
  const shape = {
    ...imageShape(image, platformOf(call, image), viewOf(call)),
    ...(hasManifests ? manifestsShape(image) : {}),
  }
  await answer.json(200, patched(shape, world.faults.strikeImage(image)))
}

/** The requested platform of an image, or the host's, regardless of its containers. */
function platformOf({ query, apiVersion, reference }: Call, { platforms }: Image): ImagePlatform {
  const asked = isBelow(apiVersion, '1.49') ? null : query.get('platform')
  const [first] = platforms
  if (!first) throw new Error(`image ${reference} has no platform`)
  if (asked === null) return platforms.find(({ architecture }) => architecture === 'amd64') ?? first
  const { os, architecture } = readPlatform(asked)
  const found = platforms.find((one) => one.os === os && one.architecture === architecture)
  if (found) return found
  const what = `image with reference ${reference} was found`
  throw new Refusal(
    404,
    `${what} but does not provide the specified platform (${String(os)}/${String(architecture)})`,
  )
}

function readPlatform(text: string): Readonly<Record<string, unknown>> {
  try {
    return asRecord(JSON.parse(text))
  } catch {
    throw new Refusal(400, 'invalid JSON: platform')
  }
}

/** There is no registry, so only images that the engine has can be pulled. */
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

async function remove(call: Call): Promise<void> {
  const { world, query, reference, answer } = call
  const image = world.images.resolve(reference)
  const users = [...world.containers.store.values()].filter(({ imageId }) => imageId === image.id)
  const removal = { image, users, isForced: isOn(query, 'force') }
  await answer.json(
    200,
    world.dialect.isPodman ? removeAsPodman(call, removal) : removeAsDockerd(call, removal),
  )
}

interface ImageRemoval {
  readonly image: Image
  readonly users: readonly Container[]
  readonly isForced: boolean
}

/** Removes the name. The image is removed with its last name, or by its id, unless a running container uses it. */
function removeAsDockerd({ world, reference }: Call, { image, users, isForced }: ImageRemoval): object[] {
  const { images, dialect } = world
  const isByName = images.isName(reference)
  const short = image.id.slice(7, 19)
  const running = users.find(isAlive)
  if (!isByName && running) {
    const why = `image is being used by running container ${running.id.slice(0, 12)}`
    throw new Refusal(409, `conflict: unable to delete ${short} (cannot be forced) - ${why}`)
  }
  const isLastName = !isByName || image.tags.length <= 1
  const [user] = users
  if (user && isLastName && !isForced) {
    const what = isByName ? `remove repository reference "${reference}"` : `delete ${short}`
    const why = `container ${user.id.slice(0, 12)} is using its referenced image ${short}`
    throw new Refusal(409, `conflict: unable to ${what} (must force) - ${why}`)
  }
  const names = isByName ? [withTag(reference)] : image.tags
  const reported: object[] = names.map((tag) => ({ Untagged: tag }))
  const keepsUsed =
    isByName && users.length > 0 && (running !== undefined || dialect.name === 'dockerd-containerd')
  if (!isLastName || keepsUsed) {
    for (const name of names) images.untag(name)
    return reported
  }
  images.remove(image.id)
  return [...reported, { Deleted: image.id }]
}

/** With force, its containers are removed too; from 5.8 on, not running ones. */
function removeAsPodman({ world, reference }: Call, { image, users, isForced }: ImageRemoval): object[] {
  const { images, containers, dialect, version } = world
  const [user] = users
  if (user && !isForced) {
    const reason = 'image is in use by a container'
    throw new Refusal(409, `image ${reference} is in use: image used by ${user.id}: ${reason}`, reason)
  }
  const running = users.find(isAlive)
  if (running && !isBelow(version.engine, '5.8')) {
    const { message } = dialect.removalOfLiving(running, running.id)
    const what = `image ${reference} is in an invalid state: removing image ${image.id.slice(7)}`
    const reason = 'container state improper'
    throw new Refusal(
      409,
      `${what}: container ${running.id} using image could not be removed: ${message}`,
      reason,
    )
  }
  for (const { id } of users) containers.removals.removeNow(id, false)
  const untagged = image.tags.map((tag) => ({ Untagged: dialect.imageName(tag) }))
  images.remove(image.id)
  return [{ Deleted: image.id.slice(7) }, ...untagged]
}

/** Commits a container: the new image has the container's labels. */
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
