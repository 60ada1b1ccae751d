import type { ContainerSummary, Listing } from '../../../src/engine/port.ts'
import type { Agent } from '../agent.ts'
import type { Body } from '../engine/body.ts'
import type { SimulatedEngine } from '../engine/engine.ts'
import type { Call } from '../engine/wire.ts'
import { keepLabel, ownerLabel, ownerValue, type Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { CountedTime } from './counted-time.ts'

export const safetyRules = [
  'owned-only',
  'fresh-look',
  'awake-time',
  'unknown-is-spared',
  'exact-id',
  'not-self',
  'own-label',
  'protected',
  'bounded-removal',
  'dry-run',
  'honest-clock',
  'quiet-stop',
  'truthful',
] as const
export type SafetyRule = (typeof safetyRules)[number]

export interface Violation {
  readonly rule: string
  /** What was done wrong by it: something that the rule should have prevented, and not only a way of getting there. */
  readonly wrong: string | undefined
  readonly message: string
  readonly atMs: number
}

export interface Look {
  readonly beganMs: number
  readonly listing: Listing
  readonly isFiltered: boolean
  readonly deliveredMs: number
  /** Containers that this look led to something with. */
  readonly acted: Set<string>
}

/** All that the world knows of one life of the process under test. */
export interface Life {
  readonly process: Process
  readonly agent: Agent
  firstLookMs: number | undefined
  /** When the engine first told its time. */
  firstToldMs: number | undefined
  look: Look | undefined
  stopAskedMs: number | undefined
  isStopped: boolean
  /** Since when listings fail; undefined while they do not. */
  outSinceMs: number | undefined
  /** Nothing may be removed on a look that began before a recovery grace from here on has passed. */
  recoveryFromMs: number | undefined
  /** An image, or a network, that could not be looked at is not asked about again for a while. */
  askedInVainMs: number | undefined
  readonly askedAtMs: Map<string, number>
  readonly answers: Map<string, { readonly answer: unknown; readonly turn: number }>
  readonly approvals: Map<string, unknown>
  /** Flotsam was told that these are tracked, and has not reported their end since. */
  readonly seenTracked: Set<string>
  readonly owedRelease: Set<string>
  /** Asked to be stopped or removed since they were last told to be tracked. */
  readonly endedByUs: Set<string>
  readonly sent: Map<string, { confirmed: boolean; mayHaveArrived: boolean }>
  readonly failures: Map<string, number>
  /** Since when the removal of these is under way, by what can be seen of it. */
  readonly underWay: Map<string, number>
  /** In which turn a request for it failed: another one in the same turn belongs to the same removal. */
  readonly failedInTurn: Map<string, number>
  readonly open: Set<Call>
  /** When each listing left, by the world's time. */
  readonly listedAtMs: number[]
  /** The hook has been asked about these and has not answered. */
  readonly consulting: Set<string>
}

export function newLife(process: Process, agent: Agent): Life {
  return {
    process,
    agent,
    firstLookMs: undefined,
    firstToldMs: undefined,
    look: undefined,
    stopAskedMs: undefined,
    isStopped: false,
    outSinceMs: undefined,
    recoveryFromMs: undefined,
    askedInVainMs: undefined,
    askedAtMs: new Map(),
    answers: new Map(),
    approvals: new Map(),
    seenTracked: new Set(),
    owedRelease: new Set(),
    endedByUs: new Set(),
    sent: new Map(),
    failures: new Map(),
    underWay: new Map(),
    failedInTurn: new Map(),
    open: new Set(),
    listedAtMs: [],
    consulting: new Set(),
  }
}

/** What every check of a moment sees. */
export interface Scene {
  readonly life: Life
  readonly nowMs: number
  readonly time: CountedTime
  readonly timeline: Timeline
  readonly setting: Setting
  readonly selfId: string
  readonly engine: SimulatedEngine
  readonly violate: (
    rule: SafetyRule | 'policy' | 'every-call-ends',
    id: string,
    message: string,
    isHarmless?: boolean,
  ) => void
}

export function isOurs({ labels }: Body): boolean {
  return labels[ownerLabel] === ownerValue
}

export function isKept({ labels }: Body): boolean {
  return Object.hasOwn(labels, keepLabel) && labels[keepLabel] !== 'false'
}

/** Podman calls the containers that hold a pod's namespaces so. */
export function isInfra({ name }: Body): boolean {
  return name.endsWith('-infra')
}

/** Whether its label may have come with its image; an image that is gone may have borne it. */
export function isPerhapsFromImage({ imageId }: Body, { images }: SimulatedEngine): boolean {
  const labels = images.get(imageId)
  return labels === undefined || labels[ownerLabel] === ownerValue
}

export function listedIn({ look }: Life, id: string): ContainerSummary | undefined {
  return look?.listing.containers.find((one) => one.id === id)
}
