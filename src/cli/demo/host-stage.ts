import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type Dockerode from 'dockerode'
import { messageOf, OptionError } from '../../domain/errors.ts'
import { type EngineAddress, resolveEngine } from '../../engine/address.ts'
import { connectTo, within } from './connection.ts'
import { HostWitness } from './host-witness.ts'
import { Relay } from './relay.ts'
import { runLabel, type Stage } from './stage.ts'

export interface HostStageOptions {
  readonly host: string
  /** Default: an image of the engine that can run `sleep`. */
  readonly image?: string | undefined
}

const callLimitMs = 30_000
const mostImagesTried = 5
const likelyImages = /^(?:\S+\/)?(?:busybox|alpine|debian|ubuntu)\b/

/** Runs the story on the user's own engine. Everything that it creates has the label of this run and is removed at the end. */
export async function openHostStage({ host, image }: HostStageOptions): Promise<Stage> {
  const dial = dialler(resolveEngine(host))
  await reach(dial, host)
  const run = randomBytes(6).toString('hex')
  const runLabels = { [runLabel]: run }
  // The story's relay fails on purpose, so checks and cleanup use a relay of their own.
  const straight = await Relay.open(dial)
  const docker = connectTo(straight.socketPath)
  let witness: HostWitness | undefined
  let relay: Relay | undefined
  const close = async () => {
    await relay?.close()
    witness?.close()
    try {
      await removeAll(docker, run)
    } finally {
      await straight.close()
    }
  }
  try {
    const runnable = await findImage(docker, image, runLabels)
    witness = await HostWitness.open(docker, run)
    relay = await Relay.open(dial)
    return stageOver(relay, witness, { title: `the engine at ${host}`, image: runnable, run, close })
  } catch (thrown) {
    await close()
    throw thrown
  }
}

interface Setting {
  readonly title: string
  readonly image: string
  readonly run: string
  readonly close: () => Promise<void>
}

function stageOver(relay: Relay, witness: HostWitness, { title, image, run, close }: Setting): Stage {
  return {
    title,
    socketPath: relay.socketPath,
    image,
    namePrefix: `flotsam-demo-${run}-`,
    runLabels: { [runLabel]: run },
    loseAnswer: (call) => relay.loseAnswer(call),
    freeze: () => relay.freeze(),
    goDown: () => relay.goDown(),
    comeUp: () => relay.comeUp(),
    evidence: () => witness.evidence(),
    close,
  }
}

function dialler(address: EngineAddress): () => Socket {
  if (address.kind === 'socket') return () => connect(address.socketPath)
  if (address.kind === 'http' && address.pathPrefix === '') {
    const { host, port, tls } = address
    if (!tls) return () => connect(port, host)
    const { ca, cert, key, verify } = tls
    return () => connectTls({ host, port, ca, cert, key, rejectUnauthorized: verify })
  }
  throw new OptionError(
    'engine',
    address.address,
    'the demo can only relay unix://, npipe://, tcp:// and https:// without a path',
  )
}

async function reach(dial: () => Socket, host: string): Promise<void> {
  const socket = dial()
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(callLimitMs) })
  } catch (cause) {
    throw new Error(`no engine can be reached at ${host}: ${messageOf(cause)}`, { cause })
  } finally {
    socket.destroy()
  }
}

/** The given image, or the first likely one that can run `sleep`. */
async function findImage(
  docker: Dockerode,
  named: string | undefined,
  labels: Record<string, string>,
): Promise<string> {
  const present = await within(callLimitMs, (abortSignal) => docker.listImages({ abortSignal }))
  const tags = present
    .sort((one, other) => one.Size - other.Size)
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((tag) => !tag.includes('<none>'))
  const likely = [
    ...tags.filter((tag) => likelyImages.test(tag)),
    ...tags.filter((tag) => !likelyImages.test(tag)),
  ]
  if (named !== undefined) {
    await trySleeping(docker, named, labels).catch((cause: unknown) => {
      throw new OptionError('image', named, `it cannot run \`sleep\`: ${messageOf(cause)}`, { cause })
    })
    return named
  }
  for (const image of likely.slice(0, mostImagesTried)) {
    const refusal = await trySleeping(docker, image, labels).catch((thrown: unknown) => thrown)
    if (refusal === undefined) return image
  }
  throw new OptionError(
    'image',
    undefined,
    'no image that was tried on this engine can run `sleep`; pull busybox, or name an image',
  )
}

async function trySleeping(docker: Dockerode, image: string, labels: Record<string, string>): Promise<void> {
  const container = await within(callLimitMs, (abortSignal) =>
    docker.createContainer({
      Image: image,
      Cmd: ['sleep', '3600'],
      Labels: labels,
      HostConfig: { NetworkMode: 'none' },
      abortSignal,
    }),
  )
  try {
    await within(callLimitMs, (abortSignal) => container.start({ abortSignal }))
  } finally {
    await within(callLimitMs, () => container.remove({ force: true, v: true }))
  }
}

/** Removes everything with this run's label. It checks the labels itself instead of trusting the filter. */
async function removeAll(docker: Dockerode, run: string): Promise<void> {
  const filters = { label: [`${runLabel}=${run}`] }
  const listed = await within(callLimitMs, (abortSignal) =>
    docker.listContainers({ all: true, filters, abortSignal }),
  )
  const ours = listed.filter(({ Labels }) => Labels[runLabel] === run)
  await Promise.all(ours.map(({ Id }) => removeOne(docker, Id)))
}

async function removeOne(docker: Dockerode, id: string): Promise<void> {
  try {
    await within(callLimitMs, (abortSignal) =>
      docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
    )
  } catch (thrown) {
    if ((thrown as { statusCode?: number }).statusCode !== 404) throw thrown
  }
}
