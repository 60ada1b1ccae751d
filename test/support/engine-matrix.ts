import { execFileSync } from 'node:child_process'
import { accessSync, constants, lstatSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  engineAvailability,
  findBinary,
  missingForAnyEngine,
  type EngineKind,
} from './engine-availability.ts'

/** One engine that tests can run on: a daemon of some generation, in one of the ways in which people run it. */
export interface EngineUnderTest {
  /** Kind and generation, such as `dockerd-20.10`, `dockerd-28-containerd` or `podman-5.4`. */
  readonly name: string
  readonly kind: EngineKind
  /** Exactly as the daemon prints it. */
  readonly version: string
  /** Where the daemon and what it starts lie; undefined for the installed one, which is found by PATH. */
  readonly folder: string | undefined
  /** Where dockerd keeps its images; undefined where it knows but one way. */
  readonly imageStore: 'graphdriver' | 'containerd' | undefined
}

/** Which of the engines that are here a suite runs on, oldest first. */
export type Choice = (engines: readonly EngineUnderTest[]) => readonly EngineUnderTest[]
/** A kind stands for its oldest engine; a list names engines, and those that are not here are left out. */
export type EngineChoice = EngineKind | readonly string[] | Choice

/** For what every engine may answer in its own way. */
export const everyEngine: Choice = (engines) => engines
export const everyDockerd: Choice = (engines) => engines.filter(({ kind }) => kind === 'dockerd')
export const everyPodman: Choice = (engines) => engines.filter(({ kind }) => kind === 'podman')

/** For what takes long, and what changes from one generation to the next and not back. */
export function oldestAndNewest(kind: EngineKind): Choice {
  return (engines) => {
    const found = engines.filter((engine) => engine.kind === kind)
    return found.filter((_, index) => index === 0 || index === found.length - 1)
  }
}

/** The Debian whose engines are installed; those of the others are unpacked beside them. */
export const installedDebian = '12'

/** The engines that the tests are meant for, and the Debian that brings them. Those of a rolling suite are optional. */
export const wantedEngines = [
  { name: 'dockerd-20.10', kind: 'dockerd', debian: installedDebian, isRequired: true },
  { name: 'dockerd-26', kind: 'dockerd', debian: '13 (trixie)', isRequired: true },
  { name: 'dockerd-28', kind: 'dockerd', debian: 'sid', isRequired: false },
  { name: 'dockerd-28-containerd', kind: 'dockerd', debian: 'sid', isRequired: false },
  { name: 'podman-4', kind: 'podman', debian: installedDebian, isRequired: true },
  { name: 'podman-5.4', kind: 'podman', debian: '13 (trixie)', isRequired: true },
  { name: 'podman-5.8', kind: 'podman', debian: 'sid', isRequired: false },
] as const satisfies readonly {
  name: string
  kind: EngineKind
  debian: string
  isRequired: boolean
}[]

let found: readonly EngineUnderTest[] | undefined

/** All engines that can be started here, by kind and oldest first; of one generation the installed one. */
export function findEngines(): readonly EngineUnderTest[] {
  found ??= sorted((['dockerd', 'podman'] as const).flatMap(enginesOfKind))
  return found
}

/** The same, without those that FLOTSAM_ENGINES leaves out. */
export function enginesToRun(): readonly EngineUnderTest[] {
  const names = askedEngines()
  return names === undefined ? findEngines() : findEngines().filter(({ name }) => names.includes(name))
}

/** The names in FLOTSAM_ENGINES; undefined when nothing is left out. */
export function askedEngines(): readonly string[] | undefined {
  const names = (process.env['FLOTSAM_ENGINES'] ?? '').split(/[\s,]+/).filter((name) => name !== '')
  return names.length === 0 ? undefined : names
}

/** The engines of a choice that are here. */
export function chosenEngines(
  choice: EngineChoice,
  engines: readonly EngineUnderTest[] = enginesToRun(),
): readonly EngineUnderTest[] {
  if (typeof choice === 'function') return choice(engines)
  if (typeof choice === 'string') return engines.filter(({ kind }) => kind === choice).slice(0, 1)
  return engines.filter(({ name }) => choice.includes(name))
}

/** The generation is what people mean by a version: 20.10 and 26 of dockerd, 4 and 5.8 of Podman. */
export function nameOf(kind: EngineKind, version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isYearly = kind === 'dockerd' ? major >= 23 : major < 5
  return `${kind}-${isYearly ? major : `${major}.${minor}`}`
}

/** The title of a suite says last what it runs on, so that every reporter shows it. */
export function suiteTitle(title: string, engineName: string): string {
  return `${title} [${engineName}]`
}

/** The engine that a suite with that title runs on. */
export function engineOfSuite(title: string): string | undefined {
  return / \[([^\]]+)\]$/.exec(title)?.[1]
}

/** Where scripts/engines/unpack.sh puts the engines of other suites. */
export function enginesFolder(): string {
  return process.env['FLOTSAM_ENGINES_DIR'] || join(tmpdir(), 'flotsam-engines')
}

function enginesOfKind(kind: EngineKind): EngineUnderTest[] {
  if (missingForAnyEngine().length > 0) return []
  const engines = new Map<string, EngineUnderTest>()
  for (const folder of [undefined, ...unpackedFolders()]) {
    const version = versionOf(kind, folder)
    if (version === undefined) continue
    for (const engine of variantsOf(kind, version, folder)) {
      if (!engines.has(engine.name)) engines.set(engine.name, engine)
    }
  }
  return [...engines.values()]
}

/** From 28 on both image stores are in use, and for images each is a different engine. */
function variantsOf(kind: EngineKind, version: string, folder: string | undefined): EngineUnderTest[] {
  const one = { name: nameOf(kind, version), kind, version, folder, imageStore: undefined }
  if (kind !== 'dockerd' || majorOf(version) < 28) return [one]
  return [
    { ...one, imageStore: 'graphdriver' },
    { ...one, name: `${one.name}-containerd`, imageStore: 'containerd' },
  ]
}

/** A suite counts once its name is a link: that is the last thing that is made of it. */
function unpackedFolders(): string[] {
  const parent = enginesFolder()
  try {
    // root runs files from there, so no other user may write there
    const { uid, mode } = statSync(parent)
    if (uid !== 0 || (mode & 0o022) !== 0) return []
    return readdirSync(parent)
      .map((name) => join(parent, name))
      .filter((path) => lstatSync(path).isSymbolicLink())
      .map((path) => join(path, 'bin'))
  } catch {
    return []
  }
}

function versionOf(kind: EngineKind, folder: string | undefined): string | undefined {
  if (folder === undefined && !engineAvailability(kind).available) return undefined
  const program = folder === undefined ? findBinary(kind) : join(folder, kind)
  if (program === undefined) return undefined
  try {
    accessSync(program, constants.X_OK)
    const said = execFileSync(program, ['--version'], { encoding: 'utf8', timeout: 20_000 })
    return /\bversion (\d+\.\d+[^\s,]*)/.exec(said)?.[1]
  } catch {
    return undefined
  }
}

function majorOf(version: string): number {
  return Number(version.split('.')[0])
}

function sorted(engines: readonly EngineUnderTest[]): EngineUnderTest[] {
  const order = new Intl.Collator('en', { numeric: true })
  return engines.toSorted((one, other) => order.compare(one.name, other.name))
}
