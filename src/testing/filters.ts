import { asRecord } from './blueprint.ts'
import type { Dialect } from './dialect.ts'
import { isAlive, type Container, type ContainerStatus } from './model.ts'
import { Refusal } from './refusal.ts'
import type { ContainerStore } from './store.ts'

/** The filters of a request: each key with its values. */
export type Filters = ReadonlyMap<string, readonly string[]>

/** Reads `{"key":["value"]}` and `{"key":{"value":true}}`. Refuses unknown keys. */
export function readFilters(text: string | null, known: ReadonlySet<string>, dialect: Dialect): Filters {
  const filters = new Map<string, readonly string[]>()
  if (text === null || text === '') return filters
  for (const [key, values] of Object.entries(parse(text, dialect))) {
    if (!known.has(key)) throw dialect.invalidFilter(key)
    const list: unknown = Array.isArray(values)
      ? values
      : isMap(values)
        ? Object.keys(asRecord(values))
        : undefined
    if (!Array.isArray(list) || !list.every((value) => typeof value === 'string'))
      throw dialect.unreadableFilters()
    filters.set(key, list)
  }
  return filters
}

function parse(text: string, dialect: Dialect): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw dialect.unreadableFilters()
  }
  if (!isMap(value)) throw dialect.unreadableFilters()
  return value
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const listingFilters: ReadonlySet<string> = new Set([
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
])

const statuses: ReadonlySet<string> = new Set([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] satisfies ContainerStatus[])
/** No filter finds what is `configured` or `stopping`. */
const podmanStatuses: ReadonlySet<string> = new Set([
  'created',
  'initialized',
  'running',
  'paused',
  'exited',
  'stopped',
  'removing',
  'unknown',
] satisfies ContainerStatus[])
/** Filters that apply to all containers, including those that are not running. */
const impliesAll = ['status', 'exited', 'before', 'since']

export interface ListingQuery {
  readonly filters: Filters
  readonly all: boolean
  readonly ignoresLabels: boolean
}

/** Returns a predicate for the filters. Throws the engine's refusal if they are invalid. */
export function listingMatcher(
  query: ListingQuery,
  store: ContainerStore,
  dialect: Dialect,
): (one: Container) => boolean {
  const { filters } = query
  const values = (key: string): readonly string[] => filters.get(key) ?? []
  for (const status of values('status')) {
    if (!(dialect.isPodman ? podmanStatuses : statuses).has(status))
      throw dialect.invalidFilter(`status=${status}`)
  }
  const all = query.all || impliesAll.some((key) => filters.has(key))
  const checks: ((one: Container) => boolean)[] = all
    ? []
    : [(one) => isAlive(one) && dialect.listedState(one) !== 'stopped']
  const anyOf = (key: string, check: (value: string) => (one: Container) => boolean) => {
    if (!filters.has(key)) return
    const questions = values(key).map(check)
    checks.push((one) => questions.some((asks) => asks(one)))
  }
  if (!query.ignoresLabels) for (const label of values('label')) checks.push(hasLabel(label))
  anyOf('status', (status) => (one) => dialect.listedState(one) === status)
  anyOf('id', (prefix) => {
    const found = store.findByPrefix(prefix)
    return (one) => found !== undefined && found !== 'ambiguous' && one.id === found.id
  })
  anyOf('name', nameMatches)
  anyOf('exited', (code) => {
    const wanted = wholeNumber(code)
    return (one) => one.exitCode === wanted && one.finishedAtMs !== undefined && !isAlive(one)
  })
  anyOf(
    'ancestor',
    (image) => (one) => one.image === image || `${one.image}:latest` === image || isImage(one, image),
  )
  anyOf('network', (network) => (one) => one.networkMode === network)
  anyOf('volume', (volume) => (one) => one.mounts.some((m) => m.volume === volume || m.target === volume))
  for (const reference of values('before')) checks.push(createdAround(store, dialect, reference, -1))
  for (const reference of values('since')) checks.push(createdAround(store, dialect, reference, 1))
  // health checks, published ports, tasks and isolation are not emulated
  anyOf('health', (health) => () => health === 'none')
  for (const key of ['expose', 'publish']) anyOf(key, () => () => false)
  return (one) => checks.every((check) => check(one))
}

/** `key` or `key=value`. */
export function hasLabel(
  text: string,
): (one: { readonly labels: Readonly<Record<string, string>> }) => boolean {
  const at = text.indexOf('=')
  if (at < 0) return ({ labels }) => Object.hasOwn(labels, text)
  const [key, value] = [text.slice(0, at), text.slice(at + 1)]
  return ({ labels }) => Object.hasOwn(labels, key) && labels[key] === value
}

/** The filters `label` and `label!` of a prune. */
export function labelQuestion(
  filters: Filters,
): (one: { readonly labels: Readonly<Record<string, string>> }) => boolean {
  const wanted = (filters.get('label') ?? []).map(hasLabel)
  const unwanted = (filters.get('label!') ?? []).map(hasLabel)
  return (one) => wanted.every((asks) => asks(one)) && !unwanted.some((asks) => asks(one))
}

function nameMatches(pattern: string): (one: Container) => boolean {
  let expression: RegExp
  try {
    expression = new RegExp(pattern)
  } catch {
    return () => false
  }
  return ({ name }) => expression.test(`/${name}`) || expression.test(name)
}

function isImage({ imageId }: Container, reference: string): boolean {
  return imageId === reference || (reference.length >= 4 && imageId.startsWith(`sha256:${reference}`))
}

function createdAround(
  store: ContainerStore,
  dialect: Dialect,
  reference: string,
  sign: 1 | -1,
): (one: Container) => boolean {
  const other = store.find(reference)
  if (!other || other === 'ambiguous') throw dialect.noSuchContainer(reference)
  return (one) => Math.sign(one.sequence - other.sequence) === sign
}

export function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new Refusal(400, `strconv.Atoi: parsing "${text}": invalid syntax`)
  return Number(text)
}

/** A time given as seconds since 1970, as a date, or as a duration before now (`10m`). */
export function momentOf(text: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  const ago = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text)
  if (ago && text !== '') {
    const [, hours = '0', minutes = '0', seconds = '0'] = ago
    return nowMs - ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  }
  const date = Date.parse(text)
  if (Number.isNaN(date)) throw new Refusal(400, `strconv.ParseInt: parsing "${text}": invalid syntax`)
  return date
}
