import type { ContainerSummary } from '../../../src/domain/container.ts'
import { isSessionId } from '../../../src/domain/session.ts'
import type { Listing } from '../../../src/engine/port.ts'
import type { Agent } from '../agent.ts'
import type { Body } from '../engine/body.ts'
import type { SimulatedEngine } from '../engine/engine.ts'
import type { Call } from '../engine/wire.ts'
import type { SimulatedSessions } from '../sessions.ts'
import { imageLabel, keepLabel, ownerLabel, ownerValue, type Setting } from '../setting.ts'
import type { Process, Timeline } from '../timeline.ts'
import type { CountedTime } from './counted-time.ts'

export const safetyRules = [
  'owned-only',
  'fresh-scan',
  'awake-time',
  'unknown-is-spared',
  'exact-id',
  'not-self',
  'own-label',
  'protected',
  'positive-evidence',
  'second-source',
  'new-again',
  'not-ours-to-stop',
  'bounded-removal',
  'dry-run',
  'honest-clock',
  'quiet-stop',
  'truthful',
  'live-session',
] as const
export type SafetyRule = (typeof safetyRules)[number]

export interface Violation {
  readonly rule: string
  /** The wrong effect itself, which the rule should have prevented, and not only a step towards it. */
  readonly wrong: string | undefined
  readonly message: string
  readonly atMs: number
}

/** not-ours-to-stop: what a request of ours may have ended, by the world's time. */
export interface OwnStop {
  readonly sentMs: number
  /** Since when it is known to have failed; undefined while it is not. */
  readonly failedMs: number | undefined
}

export interface Scan {
  readonly beganMs: number
  readonly listing: Listing
  readonly isFiltered: boolean
  readonly deliveredMs: number
  /** Containers that this scan led to an action on. */
  readonly acted: Set<string>
}

/** Everything that the world knows about one life of the process under test. */
export interface Life {
  readonly process: Process
  readonly agent: Agent
  firstScanMs: number | undefined
  /** When the engine first reported its time. */
  firstReportedMs: number | undefined
  scan: Scan | undefined
  stopAskedMs: number | undefined
  isStopped: boolean
  /** Since when listings fail; undefined while they do not. */
  outSinceMs: number | undefined
  /** Nothing may be removed on a scan that began before a recovery grace from here on has passed. */
  recoveryFromMs: number | undefined
  /** Which engine answered last, by its own answer. */
  identity: unknown
  /** Those whose disappearance was called a loss. */
  readonly vanishedLost: Set<string>
  /** An image, or a network, that could not be inspected is not inspected again for a while. */
  askedInVainMs: number | undefined
  readonly askedAtMs: Map<string, number>
  /** What the store last said of each lease; not of one for which it gave no answer. */
  readonly leases: Map<string, { readonly isHeld: boolean; readonly sinceMs: number; atMs: number }>
  readonly answers: Map<string, { readonly answer: unknown; readonly turn: number }>
  readonly approvals: Map<string, unknown>
  /** The tracker answered that these are tracked, and Flotsam has not reported their end since. */
  readonly seenTracked: Set<string>
  readonly owedRelease: Set<string>
  /** What a request of ours that left may have ended, since they were last reported as tracked. */
  readonly endedByUs: Map<string, OwnStop>
  /** What was so before the last request left. */
  readonly stopsBefore: Map<string, OwnStop | undefined>
  /** Requests whose bytes have left. */
  readonly departed: WeakSet<Call>
  /** The tracker answered at some time that these are tracked. */
  readonly reportedTracked: Set<string>
  /** When the tracker that knew several of those on a listing suddenly knew none of them; undefined where it does. */
  emptiedMs: number | undefined
  /** Images about which it had a whole and true answer. */
  readonly readImages: Set<string>
  /** Which containers the last scan showed as paused, and since when one unpaused after that is new again. */
  readonly listedPaused: Set<string>
  readonly runsOnSinceMs: Map<string, number>
  /** When an inspection of these was read for the first time, and for the last. */
  readonly firstInspectedMs: Map<string, number>
  readonly inspectionReadMs: Map<string, number>
  /** When the inspection before the last request left, which is when the container had its slot. */
  readonly inspectedAtMs: Map<string, number>
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
    firstScanMs: undefined,
    firstReportedMs: undefined,
    scan: undefined,
    stopAskedMs: undefined,
    isStopped: false,
    outSinceMs: undefined,
    recoveryFromMs: undefined,
    identity: undefined,
    vanishedLost: new Set(),
    askedInVainMs: undefined,
    askedAtMs: new Map(),
    leases: new Map(),
    answers: new Map(),
    approvals: new Map(),
    seenTracked: new Set(),
    owedRelease: new Set(),
    endedByUs: new Map(),
    stopsBefore: new Map(),
    departed: new WeakSet(),
    reportedTracked: new Set(),
    emptiedMs: undefined,
    readImages: new Set(),
    listedPaused: new Set(),
    runsOnSinceMs: new Map(),
    inspectedAtMs: new Map(),
    firstInspectedMs: new Map(),
    inspectionReadMs: new Map(),
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
  readonly sessions: SimulatedSessions
  readonly violate: (
    rule: SafetyRule | 'policy' | 'every-call-ends',
    id: string,
    message: string,
    isHarmless?: boolean,
  ) => void
}

export function isOurs({ labels }: Pick<Body, 'labels'>): boolean {
  return labels[ownerLabel] === ownerValue
}

/** The session of another agent, if sessions are distinguished. */
export function otherSessionOf(
  { labels }: Pick<Body, 'labels'>,
  { hasSessions }: Setting,
): string | undefined {
  return hasSessions && labels[ownerLabel] !== ownerValue ? labels[ownerLabel] : undefined
}

export function isOwned(body: Pick<Body, 'labels'>, setting: Setting): boolean {
  return isOurs(body) || otherSessionOf(body, setting) !== undefined
}

/** Whether it was started by an agent of this kind, and no other could ever remove it. */
export function isOfEndedSession(
  body: Pick<Body, 'labels'>,
  { sessions, setting }: { readonly sessions: SimulatedSessions; readonly setting: Setting },
): boolean {
  const session = otherSessionOf(body, setting)
  return session !== undefined && isSessionId(session) && !sessions.isAlive(session)
}

export function isKept({ labels }: Pick<Body, 'labels'>): boolean {
  return Object.hasOwn(labels, keepLabel) && labels[keepLabel] !== 'false'
}

/** Whether it names its image, which only who created it can have done. */
export function isProven({ imageId, labels }: Body): boolean {
  return labels[imageLabel] === imageId
}

/** Whether its label came with its image, also if that is gone. */
export function isFromImage(body: Body, { images, lostImages }: SimulatedEngine): boolean {
  const labels = images.get(body.imageId) ?? lostImages.get(body.imageId)
  return !isProven(body) && labels?.[ownerLabel] === ownerValue
}

export function isOrchestrated({ labels }: Body): boolean {
  return Object.hasOwn(labels, 'com.docker.swarm.task.id')
}

/** Whether another one bears its id for a name, or it bears another one's: the engine may take the one for the other. */
export function isMistakable({ id, name }: Body, { alive }: SimulatedEngine): boolean {
  return /^[0-9a-f]{64}$/.test(name) || alive.some((other) => other.name === id)
}

export function listedIn({ scan }: Life, id: string): ContainerSummary | undefined {
  return scan?.listing.containers.find((one) => one.id === id)
}
