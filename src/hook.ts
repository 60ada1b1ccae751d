/** What the owner's hook is told of a container that is about to be removed. */
export interface DanglingContainer {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds since 1970 by the engine's clock; undefined where the engine did not say. */
  readonly createdAt: number | undefined
}

/** Asked before a removal: `true` lets it go on, `false` spares the container until the next period. */
export type BeforeRemove = (container: DanglingContainer) => boolean | Promise<boolean>
