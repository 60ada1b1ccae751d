/** A request of the agent whose answer can be lost. */
export type LosableCall = 'create' | 'start'

/** What the engine itself shows, against which the demo's account is checked. */
export interface Evidence {
  /** Its source, for messages. */
  readonly source: string
  /** The containers that were removed on request, once for each removal. */
  readonly removed: readonly string[]
  /** The containers whose removal was requested, successfully or not. */
  readonly requested: ReadonlySet<string>
  /** The containers of the story that exist at the end. */
  readonly living: ReadonlySet<string>
  /** Containers that existed before the story, and must not be removed by it. */
  readonly bystanders: ReadonlySet<string>
}

/** An engine for the story, with ways to make it fail. */
export interface Stage {
  /** A name for messages. */
  readonly title: string
  /** The unix socket that the agent and Flotsam use. */
  readonly socketPath: string
  readonly image: string
  /** The prefix of every container's name. */
  readonly namePrefix: string
  /** The labels of every container of the story, the foreign one included. */
  readonly runLabels: Readonly<Record<string, string>>
  /** The next such call is carried out, but not answered. */
  loseAnswer(call: LosableCall): void
  /** From now on connections are accepted, but requests are not answered. */
  freeze(): void
  /** Carries out what the agent requested meanwhile, without an answer, and then goes down. */
  goDown(): Promise<void>
  comeUp(): Promise<void>
  evidence(): Promise<Evidence>
  /** Removes what the story created, and ends the engine or the connections to it. */
  close(): Promise<void>
}

/** The label of everything that a run of the demo creates; its value identifies the run. */
export const runLabel = 'flotsam.demo.run'
