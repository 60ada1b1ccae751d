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
}

/** What an entry of a complete listing must satisfy, or the whole listing is rejected. */
export function permissionOf(body: string, rules: Rules): Permission {
  const entries = readAll(body)
  if (!entries) return nothingAllowed
  const isOurs = ({ labels }: Entry) => labels.get(rules.label) === rules.value
  const isKept = ({ labels }: Entry) => (labels.get(rules.keepLabel) ?? 'false') !== 'false'
  const uses = (guest: Entry, holder: Entry) => {
    if (guest.id === holder.id || !guest.networkMode.startsWith('container:')) return false
    const called = guest.networkMode.slice('container:'.length).replace(/^\//, '')
    return called !== '' && (holder.id.startsWith(called) || holder.names.includes(called))
  }
  const removable = entries.filter(
    (entry) =>
      entries.every((other) => other.id !== entry.id || (isOurs(other) && !isKept(other))) &&
      entries.some((other) => other.id === entry.id && rules.states.includes(other.state)) &&
      !rules.isTracked(entry.id) &&
      !entries.some(
        (guest) =>
          uses(guest, entry) && (guest.state !== 'exited' || rules.isTracked(guest.id) || !isOurs(guest)),
      ),
  )
  return { removable: new Set(removable.map(({ id }) => id)), listed: new Set(entries.map(({ id }) => id)) }
}

function readAll(body: string): readonly Entry[] | undefined {
  let said: unknown
  try {
    said = JSON.parse(body)
  } catch {
    return undefined
  }
  if (!Array.isArray(said)) return undefined
  const entries = said.map(readOne)
  return entries.every((entry) => entry !== undefined) ? entries : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]'
const isAbsent = (value: unknown) => value === undefined || value === null
const isText = (value: unknown) => isAbsent(value) || typeof value === 'string'

function readOne(said: unknown): Entry | undefined {
  if (!isObject(said)) return undefined
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
  }
}
