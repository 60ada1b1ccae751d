/** A request of the agent's whose answer is to be lost. */
export type LosableCall = 'create' | 'start'

/** What the engine itself knows of the story: the account that the demo's own is checked against. */
export interface Evidence {
  /** What it was taken from, for people. */
  readonly source: string
  /** The containers that the engine says were removed on request, once for each time. */
  readonly removed: readonly string[]
  /** The containers whose removal was ever asked for, whatever came of it. */
  readonly asked: ReadonlySet<string>
  /** Those of the story's containers that are there at the end. */
  readonly living: ReadonlySet<string>
  /** Containers that were there before the story and must not have been removed by it. */
  readonly bystanders: ReadonlySet<string>
}

/** Where the story is played: an engine, and the power to make it fail. */
export interface Stage {
  /** For people. */
  readonly title: string
  /** A unix socket, for the agent and for Flotsam alike. */
  readonly socketPath: string
  readonly image: string
  /** Put before every container's name. */
  readonly namePrefix: string
  /** On every container of the story, the foreign one included. */
  readonly runLabels: Readonly<Record<string, string>>
  /** Carries out the next such call and never answers it. */
  loseAnswer(call: LosableCall): void
  /** From now on connections are accepted and nothing is answered. */
  freeze(): void
  /** Comes unstuck, carries out what the agent had requested meanwhile, sends no answer, and is gone. */
  goDown(): Promise<void>
  comeUp(): Promise<void>
  evidence(): Promise<Evidence>
  /** Ends everything, and removes what the story has made. */
  close(): Promise<void>
}

/** On everything that one run of the demo makes. */
export const runLabel = 'flotsam.demo.run'
