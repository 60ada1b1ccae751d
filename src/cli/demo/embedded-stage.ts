import { setImmediate as nextTurn } from 'node:timers/promises'
import { createEmbeddedEngine, type EmbeddedEngine, type LoggedRequest } from '../../testing/index.ts'
import { type Evidence, type LosableCall, runLabel, type Stage } from './stage.ts'

const losablePaths: Readonly<Record<LosableCall, RegExp>> = {
  create: /^\/containers\/create$/,
  start: /^\/containers\/[^/]+\/start$/,
}
const mostTurns = 10_000

export interface EmbeddedStageOptions {
  /** How long each removal takes, so that it can be watched. Default 0. */
  readonly removalMs?: number
}

/** The engine in memory. At first it has only an image. */
export async function openEmbeddedStage({ removalMs = 0 }: EmbeddedStageOptions = {}): Promise<Stage> {
  const engine = createEmbeddedEngine({ seed: Date.now() % 2 ** 31 })
  if (removalMs > 0) engine.faults.add({ kind: 'slow-removal', delayMs: removalMs })
  const address = await engine.listen()
  let requestsBeforeFreeze = 0
  return {
    title: 'an engine embedded in this process',
    socketPath: address.slice('unix://'.length),
    image: 'busybox:latest',
    namePrefix: '',
    runLabels: { [runLabel]: 'embedded' },
    loseAnswer: (call) =>
      void engine.faults.add({ kind: 'no-answer', method: 'POST', path: losablePaths[call], count: 1 }),
    freeze: () => {
      requestsBeforeFreeze = engine.requests.total
      engine.freeze()
    },
    goDown: async () => {
      await carryOutWaiting(engine, requestsBeforeFreeze)
      await engine.goDown()
    },
    comeUp: () => engine.comeUp(),
    evidence: async () => evidenceOf(engine),
    close: () => engine.close(),
  }
}

/** Carries out the waiting create requests. The waiting listings get no answer. */
async function carryOutWaiting(engine: EmbeddedEngine, sinceNumber: number): Promise<void> {
  const creations = engine.requests.matching({ method: 'POST', path: losablePaths.create })
  const sizeAfter = engine.containers.size + creations.filter(({ number }) => number > sinceNumber).length
  const mute = engine.faults.add({ kind: 'no-answer', path: '/containers/json' })
  engine.thaw()
  for (let turn = 0; engine.containers.size < sizeAfter && turn < mostTurns; turn++) await nextTurn()
  mute.clear()
}

function evidenceOf(engine: EmbeddedEngine): Evidence {
  const deletes = engine.requests.matching({ method: 'DELETE', path: /^\/containers\// })
  return {
    source: "the engine's request log",
    removed: deletes.filter(isDone).map(namedIn),
    requested: new Set(deletes.map(namedIn)),
    living: new Set(engine.containers.list().map(({ id }) => id)),
    bystanders: new Set(),
  }
}

function isDone({ status }: LoggedRequest): boolean {
  return status !== undefined && status >= 200 && status < 300
}

/** The container named in the request, which the engine resolves only while it exists. */
function namedIn({ containerId, path }: LoggedRequest): string {
  return containerId ?? path.slice('/containers/'.length)
}
