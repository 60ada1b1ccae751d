import type { Space, RemovalFault } from '../plan.ts'
import type { Process } from '../timeline.ts'

/** One container's use of something of another one's. */
export interface Share {
  readonly space: Space
  holderId: string
  /** As the guest calls its holder: by id, by the start of it, or by name. */
  readonly called: string
  /** No container had the name when the guest was created, so it is resolved at each start. */
  readonly isLookedUp?: true
}

/** The true state of a container, whatever a listing or an inspection says. */
export interface Body {
  readonly id: string
  name: string
  /** When it got another name, for the first time and for the last. */
  firstRenamedMs: number | undefined
  renamedMs: number | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly imageId: string
  /** Whose namespaces it truly uses. */
  readonly shares: readonly Share[]
  readonly isInfra: boolean
  /** Its labels are so large that neither its entry nor its inspection can be read. */
  readonly isOverLimit: boolean
  /** By the world's time, and by the engine's clock of that moment. */
  readonly createdMs: number
  readonly createdAtMs: number
  /** How soon a restart policy brings it back when it ended without a request. */
  readonly restartsAfterMs: number | undefined
  /** The engine removes it as soon as it ends. */
  readonly isAutoRemoved: boolean
  state: string
  /** Its name in listings until they have caught up. */
  listedState: string
  /** Its last start, by the world's time and by the engine's clock. */
  startedMs: number | undefined
  startedAtMs: number | undefined
  /** Its last restore from a checkpoint, which leaves the time of its start as it was. */
  restoredAtMs: number | undefined
  endedMs: number | undefined
  finishedAtMs: number | undefined
  /** When it was last unpaused. */
  unpausedMs: number | undefined
  restartCount: number
  /** When the engine last wrote an inspection of it, and in which state that was. */
  inspectedMs: number | undefined
  inspectedState: string | undefined
  removedMs: number | undefined
  /** A request ended its processes. */
  isEndedByRequest: boolean
  isRemovalUnderWay: boolean
  /** Which process began its last removal. */
  removalBy: Process | undefined
  /** The library has called it removed, and may have forgotten that the removal was its own. */
  isCalledRemoved: boolean
  /** Podman was killed in the middle of its removal, and has lost its storage. */
  isHalfRemoved: boolean
  /** What goes wrong when it is to be removed, and how often. */
  removalFault: { readonly kind: RemovalFault; times: number } | undefined
  /** Called when it was removed; a swarm creates a replacement. */
  readonly replaced: (() => void) | undefined
}

/** What may be set for a container before it is created. */
export type Draft = Pick<Body, 'id' | 'name' | 'labels' | 'imageId' | 'state'> &
  Partial<
    Pick<
      Body,
      'shares' | 'isInfra' | 'isOverLimit' | 'restartsAfterMs' | 'isAutoRemoved' | 'removalFault' | 'replaced'
    >
  >

export function bears(labels: Body['labels'], filter: string): boolean {
  const [key = '', value] = filter.split('=')
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value)
}

const otherWords: Readonly<Record<string, string>> = {
  configured: 'created',
  initialized: 'created',
  stopping: 'running',
  stopped: 'exited',
}

/** The state that a policy has to cover for this one. */
export function coveredAs(state: string): string {
  return otherWords[state] ?? state
}

const ended: ReadonlySet<string> = new Set(['exited', 'dead', 'stopped'])

/** Whether its own processes have ended. */
export function hasEnded({ state }: Pick<Body, 'state'>): boolean {
  return ended.has(state)
}

const atWork: ReadonlySet<string> = new Set(['running', 'paused', 'restarting', 'stopping'])

/** Whether it has processes whose loss would matter. */
export function isAtWork({ state }: Pick<Body, 'state'>): boolean {
  return atWork.has(state)
}

/** As the engine calls the network that it uses. */
export function networkModeOf({ shares }: Body): string {
  const network = shares.find(({ space }) => space === 'network')
  return network ? `container:${network.called}` : 'bridge'
}
