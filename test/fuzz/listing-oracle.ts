/** What may be requested of the engine after an answer to a listing, computed again in the simplest way. */
export interface Permission {
  /** Ids that may be removed, stopped or unpaused. */
  readonly removable: ReadonlySet<string>
  /** Ids that may be asked about. */
  readonly listed: ReadonlySet<string>
}

export interface Rules {
  readonly label: string
  readonly value: string
  readonly keepLabel: string
  readonly states: readonly string[]
  readonly isTracked: (id: string) => boolean
}

export const nothingAllowed: Permission = { removable: new Set(), listed: new Set() }

const fullId = /^[0-9a-f]{64}$/

interface Entry {
  readonly id: string
  readonly names: readonly string[]
  readonly labels: ReadonlyMap<string, string>
  readonly state: string
  readonly networkMode: string
  /** Whether the entry itself is valid; otherwise its network is as its inspection has it. */
  readonly isRead: boolean
}

/** As deep as an entry may be nested. */
const deepest = 32

/** What may be done on a complete listing; its invalid entries may be of guests, as far as inspections do not exclude that. */
export function permissionOf(body: string, rules: Rules): Permission {
  const said = readAll(body)
  if (!said) return nothingAllowed
  const listed = new Set(said.map(idOf).filter((id) => id !== undefined))
  const entries = said.map(
    (one) => readOne(one) ?? readInspected(said.findLast((other) => idOf(other) === idOf(one))),
  )
  if (!entries.every((entry) => entry !== undefined)) return { removable: new Set(), listed }
  const isOurs = ({ labels }: Entry) => labels.get(rules.label) === rules.value
  const isKept = ({ labels }: Entry) => (labels.get(rules.keepLabel) ?? 'false') !== 'false'
  const uses = (guest: Entry, holder: Entry) => {
    if (guest.id === holder.id || !guest.networkMode.startsWith('container:')) return false
    const called = guest.networkMode.slice('container:'.length).replace(/^\//, '')
    return called !== '' && (holder.id.startsWith(called) || holder.names.includes(called))
  }
  const removable = entries.filter(
    (entry) =>
      entries.every((other) => other.id !== entry.id || (other.isRead && isOurs(other) && !isKept(other))) &&
      entries.some((other) => other.id === entry.id && rules.states.includes(other.state)) &&
      !rules.isTracked(entry.id) &&
      !entries.some(
        (guest) =>
          uses(guest, entry) && (guest.state !== 'exited' || rules.isTracked(guest.id) || !isOurs(guest)),
      ),
  )
  return { removable: new Set(removable.map(({ id }) => id)), listed }
}

function readAll(body: string): readonly unknown[] | undefined {
  let said: unknown
  try {
    said = JSON.parse(body)
  } catch {
    return undefined
  }
  return Array.isArray(said) ? said : undefined
}

function idOf(said: unknown): string | undefined {
  const id = isObject(said) && Object.hasOwn(said, 'Id') ? said['Id'] : undefined
  return typeof id === 'string' && fullId.test(id) ? id : undefined
}

function nestingOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(nestingOf))
}

/** What an inspection says of an entry that is invalid; undefined where that is invalid too. */
function readInspected(said: unknown): Entry | undefined {
  const id = idOf(said)
  if (id === undefined || !isObject(said)) return undefined
  const { HostConfig: host, Names: names } = said
  const networkMode = isObject(host) && Object.hasOwn(host, 'NetworkMode') ? host['NetworkMode'] : 'bridge'
  if (typeof networkMode !== 'string' || (Array.isArray(names) && typeof names[0] !== 'string'))
    return undefined
  return { id, names: [], labels: new Map(), state: '', networkMode, isRead: false }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]'
const isAbsent = (value: unknown) => value === undefined || value === null
const isText = (value: unknown) => isAbsent(value) || typeof value === 'string'

function readOne(said: unknown): Entry | undefined {
  if (!isObject(said) || nestingOf(said) > deepest) return undefined
  const own = (key: string) => (Object.hasOwn(said, key) ? said[key] : undefined)
  const [id, names, labels, host, mounts] = ['Id', 'Names', 'Labels', 'HostConfig', 'Mounts'].map(own)
  const state = own('State')
  if (typeof id !== 'string' || !fullId.test(id) || !isText(state)) return undefined
  if (!isText(own('Image')) || !isText(own('ImageID'))) return undefined
  if (!isAbsent(names) && !(Array.isArray(names) && names.every(isText))) return undefined
  if (
    !isAbsent(labels) &&
    !(isObject(labels) && Object.values(labels).every((text) => typeof text === 'string'))
  )
    return undefined
  if (!isAbsent(host) && !(isObject(host) && isText(host['NetworkMode']))) return undefined
  if (!isAbsent(mounts) && !Array.isArray(mounts)) return undefined
  return {
    id,
    names: ((names ?? []) as (string | null)[]).map((name) => (name ?? '').replace(/^\//, '')),
    labels: new Map(Object.entries((labels ?? {}) as Record<string, string>)),
    state: (state as string | undefined) ?? '',
    networkMode: ((isObject(host) ? host['NetworkMode'] : undefined) as string | undefined) ?? '',
    isRead: true,
  }
}
