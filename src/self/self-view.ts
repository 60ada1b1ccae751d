import { engineFilesIn, type EngineTraces, engineTracesIn } from './engine-traces.ts'
import { isFirstCgroupNamespace, isOnMachine } from './machine.ts'
import type { SelfTraces } from './traces.ts'

/** The positive evidence in the traces of this process; unknown values are undefined or empty. */
export interface SelfView extends Pick<EngineTraces, 'files' | 'ownId'> {
  readonly mayBeContained: boolean
  /** Containers whose cgroup contains this process: our own, or one around it. */
  readonly cgroupIds: ReadonlySet<string>
  /** Whether `cgroupIds` includes our own container, if its engine gives each container a cgroup. */
  readonly isCgroupComplete: boolean
  /** The id in the engine's files, if all of them name the same: of our own container, or of the one whose network it uses. */
  readonly filesId: string | undefined
  /** The writable layer of our root; empty if it is not an overlay. */
  readonly upperDir: string
  /** Whether our root was created by an engine, rather than changed to within a container. */
  readonly isEngineRoot: boolean
  /**
   * Whether a process can read that word of itself, as `$HOSTNAME` or in its mounts. In the network of another container
   * both are of that one, so the word does not say which of the containers in that network is ours.
   */
  isOfNetwork(word: string): boolean
}

const idAnywhere = /[0-9a-f]{64}/g

export function viewFrom(traces: SelfTraces): SelfView {
  const ours = engineTracesIn(traces.mountinfo)
  const { root, files, ownId } = ours
  const engineFiles = engineFilesIn(files)
  const [filesId, ...furtherIds] = new Set(engineFiles.map(({ containerId }) => containerId))
  const cgroupIds = new Set(traces.cgroup.match(idAnywhere) ?? [])
  return {
    mayBeContained: cgroupIds.size > 0 || ours.areThere || !isOnMachine(traces, ours),
    cgroupIds,
    // Podman may leave a container in the cgroup of another. In the first namespace the path is complete.
    isCgroupComplete:
      isFirstCgroupNamespace(traces.cgroupNamespace) && engineFiles.some(({ layout }) => layout === 'docker'),
    ownId,
    filesId: furtherIds.length === 0 ? filesId : undefined,
    upperDir: root?.upperDir ?? '',
    isEngineRoot: traces.hasMarkerFile && root !== undefined,
    files,
    isOfNetwork: (word) =>
      word !== '' &&
      (word === traces.hostname || engineFiles.some(({ containerId }) => containerId.startsWith(word))),
  }
}
