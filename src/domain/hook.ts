/** A container about to be removed, as passed to the owner's hook. */
export interface DanglingContainer {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds since the Unix epoch by the engine's clock; undefined if the engine did not return it. */
  readonly createdAt: number | undefined
}

/** Called before a removal: `true` approves it, `false` spares the container until the next period. */
export type BeforeRemove = (container: DanglingContainer) => boolean | Promise<boolean>
