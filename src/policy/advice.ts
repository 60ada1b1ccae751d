import { shortId } from '../domain/ids.ts'
import type { Reason } from '../domain/verdict.ts'
import { podOf } from './second-source.ts'

export interface Advised {
  readonly id: string
  readonly name: string
}

/** More in one command would not be read. */
const mostNamed = 20

/**
 * Returns what a person can do about containers that are spared for this reason, with the command; undefined if there is
 * nothing that only a person can do. Names are no part of a command, since engines allow any text in some of them.
 */
export function adviceOn(reason: Reason, containers: readonly Advised[]): string | undefined {
  const some = containers.slice(0, mostNamed)
  const { length } = containers
  const many = length > 1
  const their = many ? 'their' : 'its'
  const them = length > mostNamed ? `the first ${mostNamed} of ${length}` : many ? 'them' : 'it'
  const removal = `docker rm --force ${some.map(({ id }) => shortId(id)).join(' ')}`
  switch (reason) {
    case 'infra-container':
      return `to remove ${them}, remove ${their} ${many ? 'pods' : 'pod'}: ${podRemoval(some)}`
    case 'label-from-image':
      return `to remove ${them} nevertheless: ${removal}`
    case 'image-unknown':
      return `if ${their} image is gone, nothing can show who started ${many ? 'them' : 'it'}; to remove ${them}: ${removal}`
    case 'session-unknown':
      return `if what started ${them} has ended, remove ${many ? 'them' : 'it'}: ${removal}`
    default:
      return undefined
  }
}

/** Podman removes no pod that has other running containers, unless it is forced to. */
function podRemoval(containers: readonly Advised[]): string {
  const pods = containers.map(podOf)
  const known = pods.filter((pod) => pod !== undefined)
  if (known.length === pods.length) return `podman pod rm ${known.join(' ')}`
  const ids = containers.map(({ id }) => shortId(id)).join(' ')
  return `podman pod rm $(podman inspect --format '{{.Pod}}' ${ids})`
}
