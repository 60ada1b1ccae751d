/** A file of another version is refused: what it holds may mean something else. */
export const formatVersion = 1

/** What a file of ours holds: the events of a run, or the actors as they were when the supervisor failed. */
export type FileKind = 'recording' | 'crash'

/** The first line of a file, and of each further run that was recorded in it. */
export interface Header {
  readonly flotsam: FileKind
  readonly version: typeof formatVersion
  /** The release of Flotsam that wrote it. */
  readonly by: string
  readonly time: string
  readonly engine: string
  readonly owner: string
  /** Every setting in force, as `flotsam config` names it. */
  readonly options: Readonly<Record<string, unknown>>
  /** In a crash snapshot: the error that stopped the supervisor. */
  readonly message?: string
}

/** How a file begins, so that no other file is taken for one of ours. */
export function beginningOf(kind: FileKind): string {
  return `{"flotsam":"${kind}"`
}
