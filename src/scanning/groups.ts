import type { ContainerSummary } from '../domain/container.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import type { Grouping, Ownership } from '../policy/ownership.ts'
import type { Answer } from './tracker.ts'

/** The groups of one listing's containers. */
export interface ListedGroups {
  /** Whether a helper is owned, which it is if a container of its group was. */
  ownsHelper(container: ContainerSummary): boolean
  /** Why a helper's group counts as alive; undefined if it does not, and for containers that are not helpers. */
  lifeOf(container: ContainerSummary): string | undefined
  /** Records the tracker's answers on the owned containers of each group. */
  note(owned: readonly ContainerSummary[], answers: readonly Answer[]): void
}

type LastSaid = readonly [group: string, answer: 'tracked' | 'untracked']

const noGroups: ListedGroups = { ownsHelper: () => false, lifeOf: () => undefined, note: () => {} }

/**
 * A helper, such as the pause container of a Nomad allocation, holds a resource for its group and has the group's owner. It
 * is removed last: only if the most recently seen container of its group was untracked, or the agent declares that it
 * tracks nothing. A group without other containers may be between two tasks, or run tasks that are not containers.
 */
export class Groups {
  readonly #ownership: Ownership
  readonly #tracksNothing: boolean
  /** The tracker's last answer on the owned containers of each group. */
  readonly #lastSaid: Map<string, 'tracked' | 'untracked'>

  constructor(ownership: Ownership, tracksNothing: boolean, lastSaid: Iterable<LastSaid> = []) {
    this.#ownership = ownership
    this.#tracksNothing = tracksNothing
    this.#lastSaid = new Map(lastSaid)
  }

  /** The groups known so far for a query beside the scans, which changes none. */
  aside(): Groups {
    return new Groups(this.#ownership, this.#tracksNothing, this.#lastSaid)
  }

  in(containers: readonly ContainerSummary[]): ListedGroups {
    const { grouping } = this.#ownership
    return grouping ? this.#listed(containers, grouping) : noGroups
  }

  #listed(containers: readonly ContainerSummary[], grouping: Grouping): ListedGroups {
    const members = new Map<string, ContainerId>()
    const owned = new Set<string>()
    const listed = new Set<string>()
    let isWhole = true
    for (const container of containers) {
      const group = grouping.groupOf(container)
      if (container.unreadable !== undefined) isWhole = false
      if (group === undefined) continue
      listed.add(group)
      if (grouping.isHelper(container)) continue
      members.set(group, container.id)
      if (this.#ownership.owns(container)) owned.add(group)
    }
    if (isWhole)
      for (const group of this.#lastSaid.keys()) if (!listed.has(group)) this.#lastSaid.delete(group)
    const helpersGroup = (container: ContainerSummary) =>
      grouping.isHelper(container) ? grouping.groupOf(container) : undefined
    return {
      ownsHelper: (container) => {
        const group = helpersGroup(container)
        return group !== undefined && (owned.has(group) || this.#lastSaid.has(group))
      },
      lifeOf: (container) => {
        const group = helpersGroup(container)
        if (group === undefined) return undefined
        const member = members.get(group)
        if (member) return `${shortId(member)} of its group is there`
        if (!isWhole) return 'a container whose entry could not be read may be of its group'
        if (this.#tracksNothing || this.#lastSaid.get(group) === 'untracked') return undefined
        return this.#lastSaid.has(group)
          ? 'its group was tracked when last seen'
          : 'nothing else of its group has been seen'
      },
      note: (containersOfOwner, answers) => {
        for (const [index, container] of containersOfOwner.entries()) {
          const group = grouping.groupOf(container)
          if (group === undefined || grouping.isHelper(container)) continue
          this.#lastSaid.set(group, answers[index] === 'untracked' ? 'untracked' : 'tracked')
        }
      },
    }
  }
}
