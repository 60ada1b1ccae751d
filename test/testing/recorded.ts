import type { DialectName, EngineVersion } from '../../src/testing/index.ts'

export interface RecordedEngine {
  readonly name: string
  readonly dialect: DialectName
  readonly version: EngineVersion
}

const engine = (name: string, dialect: DialectName, api: string, minApi = '1.24'): RecordedEngine => ({
  name,
  dialect,
  version: { engine: /\d+\.\d+\.\d+/.exec(name)?.[0] ?? '', api, minApi },
})

/** Each recorded engine with the dialect and version of the embedded one that is to answer like it. */
export const recordedEngines: readonly RecordedEngine[] = [
  engine('dockerd-20.10.24', 'dockerd', '1.41', '1.12'),
  engine('dockerd-26.1.5', 'dockerd', '1.45'),
  engine('dockerd-28.5.2', 'dockerd', '1.51'),
  engine('dockerd-28.5.2-containerd', 'dockerd-containerd', '1.51'),
  engine('podman-4.3.1', 'podman', '1.41'),
  engine('podman-5.4.2', 'podman', '1.41'),
  engine('podman-5.8.6', 'podman', '1.44'),
]

/** Objects whose keys are data; only what their values are like counts. */
const maps: ReadonlySet<string> = new Set(['Labels', 'Networks', 'Annotations', 'Volumes', 'Ports', 'Tmpfs'])

/**
 * Where two values differ in their fields or types: one line each, empty where they are alike. An empty list is like any
 * other; an empty map likewise.
 */
export function differencesOfShape(recorded: unknown, embedded: unknown, path = ''): string[] {
  const [wanted, got] = [typeOf(recorded), typeOf(embedded)]
  if (wanted !== got) return [`${path}: recorded ${wanted}, embedded ${got}`]
  if (Array.isArray(recorded) && Array.isArray(embedded)) {
    if (recorded.length === 0 || embedded.length === 0) return []
    return differencesOfShape(recorded[0], embedded[0], `${path}[]`)
  }
  if (!isRecord(recorded) || !isRecord(embedded)) return []
  if (maps.has(path.slice(path.lastIndexOf('.') + 1))) {
    const [ours, theirs] = [Object.values(embedded)[0], Object.values(recorded)[0]]
    return ours === undefined || theirs === undefined ? [] : differencesOfShape(theirs, ours, `${path}.*`)
  }
  const keys = new Set([...Object.keys(recorded), ...Object.keys(embedded)])
  return [...keys].flatMap((key) => {
    if (!Object.hasOwn(embedded, key)) return [`${path}.${key}: not in the embedded answer`]
    if (!Object.hasOwn(recorded, key)) return [`${path}.${key}: only in the embedded answer`]
    return differencesOfShape(recorded[key], embedded[key], `${path}.${key}`)
  })
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeOf(value) === 'object'
}
