import { isBelow, type Dialect, type Refusals } from '../dialect.ts'
import type { Container, ContainerStatus, EngineVersion } from '../model.ts'
import { Refusal } from '../refusal.ts'

export function podmanDialect({ engine, api }: EngineVersion): Dialect {
  const isFour = isBelow(engine, '5.0')
  return {
    name: 'podman',
    isPodman: true,
    defaultNetworkMode: 'bridge',
    unsharedMode: 'private',
    defaultIpcMode: 'shareable',
    prunesOnlyAnonymous: () => false,
    headers: {
      'Api-Version': api,
      'Libpod-Api-Version': engine,
      Server: `Libpod/${engine} (linux)`,
    },
    errorShape: ({ status, message, reason }) => ({ cause: reason ?? message, message, response: status }),
    listedState: (container) => listedState(container, isFour),
    inspectedState: (container) => {
      const state = listedState(container, isFour)
      return isBelow(engine, '5.8') ? state : (renamedFor58[state] ?? state)
    },
    imageName: qualified,
    eventWords: (action) => eventWords[action] ?? [action],
    eventAttributes: (action, { pod, exitCode }) => ({
      ...(action === 'die' || action === 'remove' ? { containerExitCode: String(exitCode) } : {}),
      podId: pod?.id ?? '',
    }),
    ...refusals(isFour ? 500 : 409),
  }
}

/** Podman never reports `restarting`: between two runs the container is stopped. */
function listedState({ status }: Container, isFour: boolean): ContainerStatus {
  if (status === 'restarting') return 'stopped'
  if (status === 'dead') return 'exited'
  const isYetToStart = status === 'configured' || status === 'initialized'
  return isYetToStart && !isFour ? 'created' : status
}

const renamedFor58: Readonly<Partial<Record<ContainerStatus, string>>> = {
  stopped: 'exited',
  stopping: 'running',
  unknown: '',
}

const eventWords: Readonly<Record<string, readonly string[]>> = {
  start: ['init', 'start'],
  destroy: ['remove'],
}

/** Names without a registry are in Docker's. */
function qualified(name: string): string {
  if (name === '' || name.startsWith('sha256:') || name.includes('@')) return name
  const [first = '', ...rest] = name.split('/')
  if (rest.length === 0) return `docker.io/library/${name}`
  return /[.:]/.test(first) || first === 'localhost' ? name : `docker.io/${name}`
}

const improper = 'container state improper'
const unknownContainer = 'no such container'

function refusals(statusOfIdleKill: number): Refusals {
  return {
    noSuchContainer: (reference) =>
      new Refusal(
        404,
        `no container with name or ID "${reference}" found: ${unknownContainer}`,
        unknownContainer,
      ),
    ambiguousPrefix: (prefix) =>
      new Refusal(500, `more than one result for container ID ${prefix}`, 'multiple containers'),
    nameTaken(name, owner) {
      const reason = 'that name is already in use'
      const advice = 'You have to remove that container to be able to reuse that name'
      return new Refusal(
        500,
        `container create: creating container storage: the container name "${name}" is already in use by ${owner}. ${advice}: ${reason}`,
        reason,
      )
    },
    noSuchImage: (reference) =>
      new Refusal(404, `no such image: ${qualified(reference)}: image not known`, 'image not known'),
    badBody: (why) => new Refusal(500, `decode(): ${why}`, why),
    unreadableFilters: () =>
      new Refusal(500, 'failed to decode filter parameters: unexpected end of JSON input'),
    invalidFilter: (filter) => new Refusal(500, `${filter} is an invalid filter`),
    killOfStopped: (container) =>
      new Refusal(
        statusOfIdleKill,
        `can only kill running containers. ${container.id} is in state ${listedState(container, false)}: ${improper}`,
        improper,
      ),
    unpauseOfRunning: ({ id }) =>
      new Refusal(500, `"${id}" is not paused, can't unpause: ${improper}`, improper),
    removalOfLiving: ({ id, status }) =>
      new Refusal(
        500,
        `cannot remove container ${id} as it is ${status} - running or paused containers cannot be removed without force: ${improper}`,
        improper,
      ),
    noSuchProgram(path) {
      const reason = 'OCI runtime attempted to invoke a command that was not found'
      return new Refusal(
        500,
        `runc: runc create failed: unable to start container process: exec: "${path}": stat ${path}: no such file or directory: ${reason}`,
        reason,
      )
    },
  }
}

export function stopOfPaused({ id }: Container): Refusal {
  return new Refusal(500, `container ${id} is running or paused, refusing to clean up: ${improper}`, improper)
}

export function removalOfInfra({ id, pod }: Container): Refusal {
  return new Refusal(
    500,
    `container ${id} is the infra container of pod ${pod?.id ?? ''} and cannot be removed without removing the pod`,
  )
}

export function removalOfHolder({ id }: Container, dependents: readonly Container[]): Refusal {
  const reason = 'container already exists'
  const names = dependents.map((dependent) => dependent.id).join(', ')
  return new Refusal(
    500,
    `container ${id} has dependent containers which must be removed before it: ${names}: ${reason}`,
    reason,
  )
}

/** The answer to an inspection in the middle of a removal. */
export function goneMeanwhile({ id }: Container): Refusal {
  return new Refusal(
    500,
    `no container with ID ${id} found in database: ${unknownContainer}`,
    unknownContainer,
  )
}

/** The answer wherever a half removed container would be shown. */
export function halfLost({ id }: Container): Refusal {
  const reason = 'layer not known'
  return new Refusal(
    500,
    `getting root fs size for "${id}": getting diffsize of layer and its parent: ${reason}`,
    reason,
  )
}

export function unusableImageName(reference: string): Refusal {
  const reason = `normalizing name for compat API: parsing reference "${reference}": invalid reference format`
  return new Refusal(500, `normalizing image: ${reason}`, reason)
}
