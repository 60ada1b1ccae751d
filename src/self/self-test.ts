import type { ContainerSummary, Inspection, SelfMarks } from '../domain/container.ts'
import { type EngineFilePlace, engineFilePlaces, filesIn, type OwnFile } from './engine-traces.ts'
import { asEngineFile, asLayer, isContainerLayer, mayHold } from './mount-table.ts'
import { type SelfView, viewFrom } from './self-view.ts'
import type { SelfTraces } from './traces.ts'

/** Whether a container is the one that this process runs in. Only `not-self` allows its removal. */
export type SelfVerdict = 'self' | 'not-self' | 'unknown'

/** The part of an inspection that the test uses. */
interface InspectedSelf extends Pick<Inspection, 'name' | 'selfMarks'> {
  readonly id: string
}

/** The part of a listing's entry that the test uses. */
interface ListedSelf extends Pick<ContainerSummary, 'names'> {
  readonly id: string
}

export interface SelfTest {
  /** False if this process runs directly on a host; no container is then its own. */
  readonly mayBeContained: boolean
  /** By a listing: proved or configured to be our own container. Others must still be inspected before a removal. */
  suspects(container: ListedSelf): boolean
  /** By an inspection. Once proved to be our own, a container remains suspected. */
  judge(inspection: InspectedSelf): SelfVerdict
}

/**
 * not-self: identifies our own container by positive evidence: its cgroup, its writable layer, the files that the engine
 * mounted into it, and the id, id prefix or name that the owner configured.
 *
 * A configured full id, or a name that the engine knows, also rules out containers that would otherwise be unknown. It never
 * rules out what is proved. A name that the engine does not know may be misspelled and proves nothing.
 */
export function selfFrom(traces: SelfTraces, named: string | undefined): SelfTest {
  const view = viewFrom(traces)
  const word = named?.replace(/^\//, '')
  const owner = word === undefined ? undefined : namedBy(word)
  const isBorrowed = word !== undefined && view.isOfNetwork(word)
  const proved = new Set<string>([...view.cgroupIds, ...(view.ownId === undefined ? [] : [view.ownId])])
  const known: KnownToEngine = { hasOurCgroup: false, hasOurs: false }
  const note = (id: string): void => {
    known.hasOurCgroup ||= view.cgroupIds.has(id)
    known.hasOurs ||= known.hasOurCgroup || id === view.ownId || id === view.filesId
  }

  const judge = ({ id, name, selfMarks }: InspectedSelf): SelfVerdict => {
    const isNamed = owner?.verdictOn(id, name === '' ? [] : [name])
    if (isOnLayerOf(view, selfMarks)) {
      known.hasOurs = true
      return 'self'
    }
    if (proved.has(id) || isNamed === 'self') return 'self'
    const verdict = view.mayBeContained ? compare(view, id, selfMarks, known) : 'not-self'
    if (verdict === 'self') return 'self'
    if (isNamed === 'unknown') return 'unknown'
    const isSettled = owner?.isFound() === true && (!isBorrowed || isAnother(view, id, selfMarks))
    return isSettled ? 'not-self' : verdict
  }

  return {
    mayBeContained: view.mayBeContained,
    suspects: ({ id, names }) => {
      note(id)
      return proved.has(id) || owner?.verdictOn(id, names) === 'self'
    },
    judge: (inspection) => {
      note(inspection.id)
      const verdict = judge(inspection)
      if (verdict === 'self') proved.add(inspection.id)
      return verdict
    },
  }
}

const idPrefix = /^[0-9a-f]{12,64}$/
const fullId = /^[0-9a-f]{64}$/

/** Matches by name or id, and remembers matches. Until one is found, a container without a name may be the one. */
function namedBy(name: string) {
  const found = new Set<string>()
  return {
    isFound: () => found.size > 0 || fullId.test(name),
    verdictOn(id: string, names: readonly string[]): SelfVerdict {
      if (names.includes(name) || (name !== '' && id.startsWith(name))) found.add(id)
      if (found.has(id)) return 'self'
      return found.size === 0 && names.length === 0 && !idPrefix.test(name) ? 'unknown' : 'not-self'
    },
  }
}

/** Our root, or a file mounted into it, is in the container's writable layer, so we run in it at some nesting depth. */
function isOnLayerOf({ upperDir, files }: SelfView, marks: SelfMarks): boolean {
  if (marks.upperDir === '') return false
  const theirs = asLayer(marks.upperDir)
  return [upperDir, ...filesIn(files).map((file) => file.upperDir)].some(
    (ours) =>
      ours !== '' && (ours === marks.upperDir || (theirs !== undefined && asLayer(ours)?.id === theirs.id)),
  )
}

/** Which of our ids the engine has listed so far. */
interface KnownToEngine {
  /** An id in the path of our cgroup. */
  hasOurCgroup: boolean
  /** Any id of ours. It is the engine that runs our container, or one around it, and nothing else of it is around ours. */
  hasOurs: boolean
}

/**
 * positive-evidence: a container is another one only if a known fact about it contradicts our own.
 *
 * If the engine knows an id in the complete path of our cgroup, that is our own container, and no other one is. If it knows
 * none, the ids are those of another engine, around ours or within.
 */
function compare(view: SelfView, id: string, marks: SelfMarks, known: KnownToEngine): SelfVerdict {
  if (mayBeAround(view, marks) || (marks.mayMount && !known.hasOurs)) return 'unknown'
  if ((view.isCgroupComplete && known.hasOurCgroup) || isAnother(view, id, marks)) return 'not-self'
  // Nothing contradicts it, and it shares our network.
  return filesIn(view.files).some(({ madeByEngine }) => madeByEngine?.containerId === id) ? 'self' : 'unknown'
}

function isAnother(view: SelfView, id: string, marks: SelfMarks): boolean {
  if (view.ownId !== undefined && view.ownId !== id) return true
  return (
    isOtherLayer(view.upperDir, marks.upperDir) ||
    engineFilePlaces.some((place) => isOtherFile(view.files[place], pathAt(marks, place), view.isEngineRoot))
  )
}

/** Compares layers of the same driver only: Podman reports a layer even for a container that runs without one. */
function isOtherLayer(oursPath: string, theirsPath: string): boolean {
  const [ours, theirs] = [asLayer(oursPath), asLayer(theirsPath)]
  return ours !== undefined && theirs !== undefined && ours.driver === theirs.driver && ours.id !== theirs.id
}

/**
 * Only files created by the engine can be distinguished: other paths may be links to the same file. A file of another
 * origin in place of the engine's is evidence only if our root was created by the engine.
 */
function isOtherFile(ours: readonly OwnFile[], theirsPath: string, isEngineRoot: boolean): boolean {
  if (ours.length === 0 || theirsPath === '') return false
  const theirs = asEngineFile(theirsPath)?.containerId
  const ids = ours.flatMap(({ madeByEngine }) => madeByEngine?.containerId ?? [])
  if (ids.length === 0) return theirs !== undefined && isEngineRoot
  return theirs === undefined || !ids.includes(theirs)
}

/** The source of the container's file: its own mount at that path, or otherwise the engine's. */
function pathAt(
  { mounts, hostnamePath, hostsPath, resolvConfPath }: SelfMarks,
  place: EngineFilePlace,
): string {
  const enginePaths = {
    '/etc/hostname': hostnamePath,
    '/etc/hosts': hostsPath,
    '/etc/resolv.conf': resolvConfPath,
  }
  return mounts.find(({ destination }) => destination === place)?.source ?? enginePaths[place]
}

/**
 * We may run on a nested engine inside the container; everything that we see then belongs to the nested engine. The
 * location of its files for us reveals that, unless they are in a file system that was mounted within the container.
 */
function mayBeAround({ files }: SelfView, marks: SelfMarks): boolean {
  const theirs = marks.hostnamePath
  return filesIn(files).some(({ root, fileSystem, upperDir, madeByEngine }) => {
    if (madeByEngine === undefined) return false
    const isInMount = marks.mounts.some(
      // A directory that contains the files of both belongs to the host.
      ({ source }) => mayHold(source, root) && (theirs === '' || !mayHold(source, theirs)),
    )
    const isInUnnamedLayer =
      (isContainerLayer(upperDir) || /\/vfs\/dir\/[0-9a-f]{64}\//.test(root)) && marks.upperDir === ''
    // A tmpfs has no path on the host, so it may belong to the container.
    const layout = asEngineFile(theirs)?.layout
    const isInMemory = fileSystem === 'tmpfs' && layout !== undefined && layout !== madeByEngine.layout
    return isInMount || isInUnnamedLayer || isInMemory
  })
}
