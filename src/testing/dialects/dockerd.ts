import { isBelow, type Dialect, type Refusals } from '../dialect.ts'
import type { Container, ContainerStatus, EngineVersion } from '../model.ts'
import { Refusal } from '../refusal.ts'

/** Docker 20.10 has an older version of the API, 26 this one or a newer one. */
const firstOf26 = '1.42'
/** The same for Docker 28. */
const firstOf28 = '1.48'

export function dockerdDialect({ engine, api }: EngineVersion, hasContainerdStore: boolean): Dialect {
  const isOld = isBelow(api, firstOf26)
  const isNew = !isBelow(api, firstOf28)
  return {
    name: hasContainerdStore ? 'dockerd-containerd' : 'dockerd',
    isPodman: false,
    defaultNetworkMode: isOld ? 'default' : 'bridge',
    unsharedMode: '',
    defaultIpcMode: 'private',
    prunesOnlyAnonymous: (apiVersion) => !isOld && !isBelow(apiVersion, firstOf26),
    headers: {
      'Api-Version': api,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `Docker/${engine} (linux)`,
    },
    errorShape: ({ message }) => ({ message }),
    listedState: ({ status, removal }): ContainerStatus => {
      if (removal === undefined) return status
      return isNew ? 'dead' : 'removing'
    },
    inspectedState: ({ status }) => status,
    imageName: (name) => name,
    eventWords: (action) => [action],
    eventAttributes: () => ({}),
    ...(isOld ? oldRefusals : refusals(isNew)),
  }
}

const common = {
  noSuchContainer: (reference: string) => new Refusal(404, `No such container: ${reference}`),
  nameTaken(name: string, owner: string) {
    const advice = 'You have to remove (or rename) that container to be able to reuse that name.'
    return new Refusal(
      409,
      `Conflict. The container name "/${name}" is already in use by container "${owner}". ${advice}`,
    )
  },
  noSuchImage: (reference: string) => new Refusal(404, `No such image: ${reference}`),
  unpauseOfRunning: ({ id }: Container) => new Refusal(500, `Container ${id} is not paused`),
  noSuchProgram: (path: string) =>
    new Refusal(
      400,
      `failed to create task for container: failed to create shim task: OCI runtime create failed: exec: "${path}": stat ${path}: no such file or directory`,
    ),
}

const oldRefusals: Refusals = {
  ...common,
  ambiguousPrefix: (prefix) => new Refusal(500, `Multiple IDs found with provided prefix: ${prefix}`),
  badBody: (why) => new Refusal(500, why),
  unreadableFilters: () => new Refusal(500, 'invalid character in filters'),
  invalidFilter: (filter) => new Refusal(400, `Invalid filter '${filter}'`),
  killOfStopped: ({ id }, reference) =>
    new Refusal(409, `Cannot kill container: ${reference}: Container ${id} is not running`),
  removalOfLiving({ id, status }) {
    const advice = status === 'paused' ? 'Unpause and then stop the container' : 'Stop the container'
    return new Refusal(
      409,
      `You cannot remove a ${status} container ${id}. ${advice} before attempting removal or force remove`,
    )
  },
}

function refusals(isNew: boolean): Refusals {
  return {
    ...common,
    ambiguousPrefix: (prefix) => new Refusal(400, `multiple IDs found with provided prefix: ${prefix}`),
    badBody: (why) => new Refusal(400, `invalid JSON: ${why}`),
    unreadableFilters: () => new Refusal(400, 'invalid filter'),
    invalidFilter: (filter) => new Refusal(400, `invalid filter '${filter}'`),
    killOfStopped: ({ id }, reference) =>
      new Refusal(409, `cannot kill container: ${reference}: container ${id} is not running`),
    removalOfLiving({ name, status }, reference) {
      const why =
        status === 'paused'
          ? 'container is paused and must be unpaused first'
          : `container is ${status}: stop the container before removing or force remove`
      return new Refusal(409, `cannot remove container "${isNew ? reference : `/${name}`}": ${why}`)
    },
  }
}
