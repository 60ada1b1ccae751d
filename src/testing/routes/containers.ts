import { readBlueprint } from '../blueprint.ts'
import { containerOf, isOn, jsonBody, viewOf, type Call, type Route } from '../call.ts'
import { goneMeanwhile, halfLost } from '../dialects/podman.ts'
import type { ShownContainer } from '../faults.ts'
import {
  labelQuestion,
  listingFilters,
  listingMatcher,
  momentOf,
  readFilters,
  wholeNumber,
} from '../filters.ts'
import { graceMsOf } from '../lifecycle.ts'
import { isAlive, type Container } from '../model.ts'
import { patched } from '../patch.ts'
import { sigkill, signalNumber } from '../programs.ts'
import { Refusal } from '../refusal.ts'
import { containerShape, libpodShape } from '../shapes/inspection.ts'
import { libpodEntryShape, summaryJson } from '../shapes/summary.ts'
import type { View } from '../shapes/view.ts'
import { type World } from '../world.ts'

/** A listing is created and sent in slices of this many containers, so that it does not block the event loop. */
export const containersPerSlice = 256

function route(method: Route['method'], path: string, run: Route['run']): Route {
  return { method, pattern: new RegExp(`^/containers/${path}$`), namesContainer: path.includes('('), run }
}

export const containerRoutes: readonly Route[] = [
  route('GET', 'json', (call) => listAs(call, { entry: entryJson, showsLost: false })),
  route('POST', 'create', create),
  route('POST', 'prune', prune),
  route('GET', '([^/]+)/json', (call) => inspect(call, containerShape)),
  route('POST', '([^/]+)/start', start),
  route('POST', '([^/]+)/stop', stop),
  route('POST', '([^/]+)/restart', restart),
  route('POST', '([^/]+)/kill', kill),
  route('POST', '([^/]+)/pause', (call) => change(call, (one) => call.world.containers.lifecycle.pause(one))),
  route('POST', '([^/]+)/unpause', (call) =>
    change(call, (one) => call.world.containers.lifecycle.unpause(one)),
  ),
  route('POST', '([^/]+)/rename', rename),
  route('POST', '([^/]+)/wait', wait),
  route('GET', '([^/]+)/top', top),
  route('GET', '([^/]+)/logs', refuse('configured logging driver does not support reading')),
  route('POST', '([^/]+)/attach', refuse('this engine runs no processes: there is nothing to attach to')),
  route('POST', '([^/]+)/exec', refuse('this engine runs no processes: nothing can be executed')),
  route('GET', '([^/]+)/stats', refuse('this engine runs no processes: there are no statistics')),
  route('DELETE', '([^/]*)', remove),
  {
    method: 'GET',
    pattern: /^\/libpod\/containers\/json$/,
    namesContainer: false,
    run: (call) => listAs(call, { entry: libpodEntryJson, showsLost: true }),
  },
  {
    method: 'GET',
    pattern: /^\/libpod\/containers\/([^/]+)\/json$/,
    namesContainer: true,
    run: (call) => inspect(call, libpodShape),
  },
  {
    method: 'DELETE',
    pattern: /^\/libpod\/containers\/([^/]+)$/,
    namesContainer: true,
    run: removeByLibpod,
  },
]

async function inspect(call: Call, shapeOf: typeof containerShape): Promise<void> {
  const { world, answer } = call
  const container = containerOf(call)
  if (container.removal === 'cut-short') throw halfLost(container)
  if (container.removal === 'under-way' && world.dialect.isPodman) throw goneMeanwhile(container)
  const patches = world.faults.strikeContainer('inspection', container)
  await answer.json(200, patched(shapeOf(container, viewOf(call)), patches))
}

interface ListingForm {
  readonly entry: (container: Container, world: World, view: View) => string
  /** Whether a half removed container is shown, or breaks the listing. */
  readonly showsLost: boolean
}

async function listAs(call: Call, { entry, showsLost }: ListingForm): Promise<void> {
  const { world, query, answer } = call
  const { store } = world.containers
  const filters = readFilters(query.get('filters'), listingFilters, world.dialect)
  const limit = wholeNumber(query.get('limit') ?? '0')
  const { shown, ignoresLabels } = world.faults.strikeListing([...store.values()])
  const all = isOn(query, 'all') || limit > 0
  const matches = listingMatcher({ filters, all, ignoresLabels }, store, world.dialect)
  const newestFirst = [...shown].sort(
    ({ container: a }, { container: b }) => b.createdAtMs - a.createdAtMs || b.sequence - a.sequence,
  )
  const lost = newestFirst.find(({ container }) => container.removal === 'cut-short' && matches(container))
  if (lost && !showsLost) throw halfLost(lost.container)
  const view = viewOf(call)
  if (!(await answer.stream('application/json'))) return
  let left = limit > 0 ? limit : Infinity
  let separator = '['
  for (let from = 0; from < newestFirst.length && left > 0; from += containersPerSlice) {
    if (from > 0) await world.clock.breathe()
    let slice = ''
    for (const one of newestFirst.slice(from, from + containersPerSlice)) {
      if (left <= 0 || !matches(one.container)) continue
      slice += separator + withPatches(one, entry(one.container, world, view), world)
      separator = ','
      left -= 1
    }
    if (slice !== '' && !(await answer.write(slice))) return
  }
  if (await answer.write(separator === '[' ? '[]\n' : ']\n')) await answer.end()
}

function withPatches({ container, patches }: ShownContainer, json: string, { faults }: World): string {
  const all = [...patches, ...faults.strikeContainer('listing', container)]
  return all.length === 0 ? json : JSON.stringify(patched(JSON.parse(json) as object, all))
}

function entryJson(container: Container, world: World, view: View): string {
  return summaryJson(container, world.now(), view)
}

/** Podman's own listing, reduced to what Docker's shows too. */
function libpodEntryJson(container: Container, _world: World, view: View): string {
  return JSON.stringify(libpodEntryShape(container, view))
}

async function create(call: Call): Promise<void> {
  const { query } = call
  const blueprint = readBlueprint(query.get('name') ?? undefined, query.get('platform') ?? '', jsonBody(call))
  const { id } = call.world.containers.create(blueprint)
  await call.answer.json(201, { Id: id, Warnings: [] })
}

async function prune({ world, query, answer }: Call): Promise<void> {
  const filters = readFilters(query.get('filters'), new Set(['label', 'label!', 'until']), world.dialect)
  const hasLabels = labelQuestion(filters)
  const until = filters.get('until')?.[0]
  const untilMs = until === undefined ? Infinity : momentOf(until, world.now())
  const ids = world.containers.prune((one) => hasLabels(one) && one.createdAtMs < untilMs)
  await answer.json(200, { ContainersDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: 0 })
}

async function change(call: Call, run: (container: Container) => void): Promise<void> {
  run(containerOf(call))
  await call.answer.empty(204)
}

async function rename(call: Call): Promise<void> {
  const name = call.query.get('name') ?? ''
  if (name === '') throw new Refusal(400, 'Neither old nor new names may be empty')
  await change(call, (container) => call.world.containers.rename(container, name))
}

async function start(call: Call): Promise<void> {
  const hasStarted = call.world.containers.lifecycle.start(containerOf(call))
  await call.answer.empty(hasStarted ? 204 : 304)
}

async function stop(call: Call): Promise<void> {
  const hasStopped = await call.world.containers.lifecycle.stop(containerOf(call), graceMs(call))
  await call.answer.empty(hasStopped ? 204 : 304)
}

async function restart(call: Call): Promise<void> {
  const { lifecycle, store } = call.world.containers
  const { id } = containerOf(call)
  await lifecycle.stop(containerOf(call), graceMs(call))
  const stopped = store.get(id)
  if (!stopped) throw call.world.dialect.noSuchContainer(call.reference)
  lifecycle.start(stopped)
  call.world.events.emitOfContainer('restart', store.get(id) ?? stopped)
  await call.answer.empty(204)
}

function graceMs(call: Call): number {
  const asked = call.query.get('t') ?? ''
  if (asked !== '') return Math.max(0, wholeNumber(asked) * 1000)
  return graceMsOf(containerOf(call))
}

async function kill(call: Call): Promise<void> {
  const asked = call.query.get('signal') ?? ''
  const signal = asked === '' ? sigkill : signalNumber(asked)
  if (signal === undefined) throw new Refusal(400, `Invalid signal: ${asked}`)
  call.world.containers.lifecycle.kill(containerOf(call), signal, call.reference)
  await call.answer.empty(204)
}

async function wait(call: Call): Promise<void> {
  const { lifecycle, store } = call.world.containers
  const condition = call.query.get('condition') ?? 'not-running'
  const { id, exitCode } = containerOf(call)
  const ended = new Promise<number>((resolve) => {
    const check = (code: number) => {
      if (condition === 'removed' && store.get(id)) void lifecycle.untilEnded(id).then(check)
      else resolve(code)
    }
    const now = store.get(id)
    const isAboutNow = condition !== 'next-exit' && condition !== 'removed'
    if (isAboutNow && now && !isAlive(now)) resolve(exitCode)
    else void lifecycle.untilEnded(id).then(check)
  })
  // the headers are sent immediately: a client waits for them before it starts the container
  if (!(await call.answer.stream('application/json'))) return
  if (await call.answer.write(`${JSON.stringify({ StatusCode: await ended })}\n`)) await call.answer.end()
}

async function top(call: Call): Promise<void> {
  const container = containerOf(call)
  if (!isAlive(container)) throw new Refusal(409, `Container ${container.id} is not running`)
  const row = ['root', String(container.pid), '1', '0', '00:00', '?', '00:00:00', container.command.join(' ')]
  await call.answer.json(200, {
    Processes: [row],
    Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
  })
}

function refuse(message: string): Route['run'] {
  return (call) => {
    containerOf(call)
    throw new Refusal(501, message)
  }
}

async function remove(call: Call): Promise<void> {
  const { query, reference, world } = call
  if (reference === '') throw new Refusal(400, 'invalid name or ID supplied: ""')
  const options = { force: isOn(query, 'force'), volumes: isOn(query, 'v') }
  await world.containers.removals.remove(containerOf(call), reference, options)
  await call.answer.empty(204)
}

/** Podman's own removal takes the stop timeout from the request, and reports what it has removed. */
async function removeByLibpod(call: Call): Promise<void> {
  const { query, reference, world } = call
  const container = containerOf(call)
  const timeout = query.get('timeout')
  await world.containers.removals.remove(container, reference, {
    force: isOn(query, 'force'),
    volumes: isOn(query, 'v') || isOn(query, 'volumes'),
    ...(timeout !== null && { graceMs: wholeNumber(timeout) * 1000 }),
  })
  await call.answer.json(200, [{ Id: container.id, Err: null, RawInput: reference }])
}
