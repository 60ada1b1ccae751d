import type { ContainerSummary } from '../../src/domain/container.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import type { Random } from '../simulation/random.ts'
import { ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { ownImageId, type RemovalFault } from './engine.ts'

/** What a fate can do with its world. */
export interface Stage {
  readonly random: Random
  /** Does it after so many rounds. */
  later(rounds: number, act: () => void): void
  track(id: ContainerId): void
  letGo(id: ContainerId): void
  /** The owner's hook refuses its removal until a later answer. */
  veto(id: ContainerId, isVetoed: boolean): void
  change(id: ContainerId, fields: Partial<ContainerSummary>): void
  takeAway(id: ContainerId): void
  addImage(id: string, labels: Readonly<Record<string, string>>): void
  /** One more container; its fate is that of a leak. */
  bear(fields: Partial<ContainerSummary>): void
}

/** One of the ways in which a container comes and goes. */
export interface Fate {
  readonly fields?: Partial<ContainerSummary>
  readonly faults?: readonly RemovalFault[]
  readonly live?: (stage: Stage, id: ContainerId) => void
}

/** The agent knows it from the start, and for some rounds. */
function asTask(then: (stage: Stage, id: ContainerId) => void): NonNullable<Fate['live']> {
  return (stage, id) => {
    stage.track(id)
    stage.later(stage.random.between(1, 5), () => then(stage, id))
  }
}

const finish = (stage: Stage, id: ContainerId) => {
  stage.takeAway(id)
  stage.letGo(id)
}

const leak: Fate = {}

/** Every fate, with how many of a thousand containers meet it. */
export const fates: readonly (readonly [number, Fate])[] = [
  // the agent runs it and removes it itself
  [300, { live: asTask(finish) }],
  // the agent never learns of it
  [200, leak],
  // the agent forgets it and leaves the removal to us
  [110, { live: asTask((stage, id) => stage.letGo(id)) }],
  // it goes before its grace is over
  [70, { live: (stage, id) => stage.later(1, () => stage.takeAway(id)) }],
  // the agent's call came back late: it is adopted within its grace
  [70, { live: (stage, id) => stage.later(1, () => asTask(finish)(stage, id)) }],
  // it goes, or ends, while the agent still believes in it
  [20, { live: asTask((stage, id) => (stage.takeAway(id), stage.later(2, () => stage.letGo(id)))) }],
  [
    20,
    {
      live: asTask(
        (stage, id) => (stage.change(id, { state: 'exited' }), stage.later(2, () => finish(stage, id))),
      ),
    },
  ],
  // removals that fail
  [40, { faults: ['refused'] }],
  [10, { faults: ['refused', 'refused', 'refused'] }],
  [10, { faults: ['under-way'] }],
  [20, { faults: ['gone'] }],
  [2, { faults: ['cut-off'] }],
  [2, { faults: ['hangs'] }],
  // a fault inside its actor
  [10, { faults: ['faulty'] }],
  // old engines refuse to remove what is paused
  [20, { fields: { state: 'paused' }, faults: ['refused'] }],
  // it is protected for some rounds, and its owner takes it away
  [
    15,
    {
      fields: { labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } },
      live: (stage, id) => stage.later(3, () => stage.takeAway(id)),
    },
  ],
  [15, { live: (stage, id) => (stage.veto(id, true), stage.later(3, () => stage.veto(id, false))) }],
  // it passes to another owner
  [
    10,
    {
      live: (stage, id) => (
        stage.later(1, () => stage.change(id, { labels: {} })),
        stage.later(3, () => stage.takeAway(id))
      ),
    },
  ],
  // it was never ours
  [
    26,
    {
      fields: { labels: { app: 'database' } },
      live: (stage, id) => stage.later(2, () => stage.takeAway(id)),
    },
  ],
  // another leak uses its network
  [10, { live: (stage, id) => stage.bear({ networkMode: `container:${id}` }) }],
  // the listing does not show its network
  [10, { fields: { networkMode: '' } }],
  // an image of its own, which carries the label or does not
  [10, { live: (stage, id) => inImageOfItsOwn(stage, id, {}) }],
  [
    10,
    {
      live: (stage, id) => (
        inImageOfItsOwn(stage, id, { [ownerLabel]: ownerValue }),
        stage.later(4, () => stage.takeAway(id))
      ),
    },
  ],
]

function inImageOfItsOwn(stage: Stage, id: ContainerId, labels: Readonly<Record<string, string>>): void {
  const imageId = ownImageId(id)
  stage.addImage(imageId, labels)
  stage.change(id, { imageId })
}
