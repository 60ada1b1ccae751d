import { type Journal, short } from './journal.ts'
import type { Story } from './plan.ts'
import { Questions } from './questions.ts'
import type { Standstills } from './standstills.ts'
import type { Harm } from './wire.ts'
import { type Moment, unconfirmed, wrongNow } from './wrongs.ts'

/** Whose a container is, by the labels that it was made with. */
export type Kind = 'ours' | 'kept' | 'label-from-image' | 'other-value' | 'unlabelled'

/** Everything that is known of one container outside of Flotsam. Times are wall-clock milliseconds, the engine's too. */
export interface Made {
  readonly name: string
  readonly kind: Kind
  readonly story: Story
  readonly askedMs: number
  /** The container whose namespace it shares. */
  readonly holder: Made | undefined
  readonly shares: Namespace | undefined
  /** Its restart policy starts it again. */
  readonly restarts: boolean
  /** The engine removes it when it ends. */
  readonly removesItself: boolean
  id: string | undefined
  /** By the engine, in whole seconds. */
  createdMs: number | undefined
  /** The agent has it in its inbox or in its hands and will register it. Flotsam must wait for that. */
  isPromised: boolean
  /** When the engine's answer to its creation came to the agent. */
  answeredMs: number | undefined
  /** This life of Flotsam got `true` since the agent last tracked it. */
  wasSeenTracked: boolean
  letGoMs: number | undefined
  /** Its last start or unpause. */
  renewal: Renewal | undefined
  /** Since when it runs and nothing has happened that could have ended it; undefined where something may have. */
  runsSinceMs: number | undefined
  /** When its start was last requested. */
  startAskedMs: number | undefined
  /** When the engine had listed it as ended, if its start has not been requested since. */
  endSeenMs: number | undefined
  /** Since when it is paused, where the engine has said so. */
  pausedMs: number | undefined
  /** Its creator removed it: when it was requested, and what the engine answered. */
  removedByMaker: { readonly atMs: number; status: number | undefined } | undefined
  /** The engine refuses its removal to every client, as was checked at the end. */
  isRefused: boolean
  /** Requests of Flotsam's that would harm it, as they left. */
  readonly departures: Departure[]
}

export type Namespace = 'network' | 'pid' | 'ipc'

/** What makes a container as new as a created one. */
export interface Renewal {
  readonly verb: 'start' | 'unpause'
  readonly askedMs: number
  readonly answeredMs: number
  /** When a scan that came back before an unpause had begun, where it was paused by then. */
  readonly sawPausedMs: number | undefined
  /** The agent will register it within a creation grace of this, and has no older promise to keep. */
  readonly isPromised: boolean
}

export interface Departure extends Harm {
  readonly atMs: number
  /** The life of the agent, and of Flotsam in it, that sent it. */
  readonly life: number
  readonly wrong: string | undefined
  /** The engine took longer over its answer to the creation than the creation grace: no agent could have registered it. */
  readonly isAheadOfAnswer: boolean
}

export interface Graces {
  readonly creationMs: number
  readonly restoreMs: number
  readonly releaseMs: number
  readonly recoveryMs: number
}

/** What is known of a container before it is there. */
export type Opened = Pick<
  Made,
  'name' | 'kind' | 'story' | 'holder' | 'shares' | 'restarts' | 'removesItself' | 'isPromised'
>

/** A conviction: one line, and the name of the container that it is about. */
export interface Conviction {
  readonly charge: string
  readonly about: string | undefined
}

/** An unpause is compared with the scans of the last minutes. */
const mostScans = 500

/**
 * The agent's ledger of every container that it created, and the judge of every request that leaves Flotsam: what was
 * true in the book at the very moment. Flotsam is not asked.
 */
export class Ledger {
  readonly all: Made[] = []
  readonly tracked = new Set<string>()
  readonly convictions: Conviction[] = []
  readonly graces: Graces
  /** Departures for ids that were not known when they left. They are judged in the account. */
  readonly strangers = new Map<string, Departure[]>()
  /** Of the present life. */
  questions = new Questions()
  /** Of the present life: what an inspection said otherwise than the listing, by which a removal waits as for an answer. */
  disagreements = new Questions()
  /** Called with each conviction at once. */
  onConviction: (charge: string) => void = () => {}
  /** Counts the lives of the agent. */
  life = 0
  readonly #byId = new Map<string, Made>()
  readonly #byName = new Map<string, Made>()
  #lifeBeganMs = 0
  /** When each container was last inspected by this life, as that went out, where the engine answered. */
  #inspectedMs = new Map<string, number>()
  #lastScanMs: number | undefined
  readonly #scans: { readonly beganMs: number; readonly endedMs: number }[] = []
  /** Whether what has ended by itself is removed too. */
  readonly coversEnded: boolean
  /** The answer that the tracker gave in this very turn, until anything else has run. */
  #lastAnswer: { readonly id: string; readonly answer: boolean | undefined } | undefined
  readonly #journal: Journal
  readonly #standstills: Standstills

  constructor(graces: Graces, journal: Journal, standstills: Standstills, coversEnded = true) {
    this.graces = graces
    this.coversEnded = coversEnded
    this.#journal = journal
    this.#standstills = standstills
  }

  open(made: Opened): Made {
    const entry: Made = {
      ...made,
      askedMs: Date.now(),
      id: undefined,
      createdMs: undefined,
      answeredMs: undefined,
      wasSeenTracked: false,
      letGoMs: undefined,
      renewal: undefined,
      runsSinceMs: undefined,
      startAskedMs: undefined,
      endSeenMs: undefined,
      pausedMs: undefined,
      removedByMaker: undefined,
      isRefused: false,
      departures: [],
    }
    this.all.push(entry)
    this.#byName.set(made.name, entry)
    return entry
  }

  learnId(made: Made, id: string): void {
    if (made.id !== undefined) return
    made.id = id
    this.#byId.set(id, made)
    made.departures.push(...(this.strangers.get(id) ?? []))
    this.strangers.delete(id)
  }

  byId(id: string): Made | undefined {
    return this.#byId.get(id)
  }

  byName(name: string): Made | undefined {
    return this.#byName.get(name)
  }

  isTracked({ id }: Made): boolean {
    return id !== undefined && this.tracked.has(id)
  }

  register(made: Made): void {
    if (made.id === undefined) throw new Error(`${made.name} has no id to register`)
    made.isPromised = false
    made.letGoMs = undefined
    made.wasSeenTracked = false
    this.tracked.add(made.id)
  }

  letGo(made: Made): void {
    if (made.id === undefined || !this.tracked.delete(made.id)) return
    made.letGoMs = Date.now()
  }

  /** A life of the agent begins: it knows only what it restores from its file within the restore grace. */
  begin(remembered: ReadonlySet<Made>): void {
    this.life++
    this.tracked.clear()
    this.#lifeBeganMs = Date.now()
    this.#inspectedMs = new Map()
    this.questions = new Questions()
    this.disagreements = new Questions()
    this.#lastScanMs = undefined
    for (const made of this.all) {
      made.isPromised = remembered.has(made)
      made.wasSeenTracked = false
      made.letGoMs = undefined
    }
  }

  /** The engine has said that it started or unpaused a container; where it lasts, it runs from now on. */
  renew(
    made: Made,
    verb: Renewal['verb'],
    askedMs: number,
    how: { lasts: boolean; isPromised: boolean },
  ): void {
    const { pausedMs } = made
    const sawPaused = this.#scans.findLast(
      ({ beganMs, endedMs }) => pausedMs !== undefined && beganMs > pausedMs && endedMs < askedMs,
    )
    const answeredMs = Date.now()
    const { isPromised, lasts } = how
    made.renewal = { verb, askedMs, answeredMs, sawPausedMs: sawPaused?.beganMs, isPromised }
    made.pausedMs = undefined
    if (lasts) made.runsSinceMs = answeredMs
  }

  /** Its start is requested; the engine may carry it out whatever it answers. */
  asksForStart(made: Made): void {
    made.startAskedMs = Date.now()
    made.endSeenMs = undefined
  }

  /** The engine listed it as ended. */
  seeEnd(made: Made, listing: { readonly beganMs: number; readonly endedMs: number }): void {
    if (listing.beganMs > (made.startAskedMs ?? -Infinity)) made.endSeenMs ??= listing.endedMs
  }

  /** Something may end a container, and with it who shares its processes. */
  mayEnd(made: Made): void {
    made.runsSinceMs = undefined
    for (const guest of this.all) if (guest.holder === made) this.mayEnd(guest)
  }

  /** Something may end all that runs. */
  mayEndAll(): void {
    for (const made of this.all) made.runsSinceMs = undefined
  }

  /** A scan of this life came back. */
  scanned(scan: { readonly beganMs: number; readonly endedMs: number }): void {
    this.#lastScanMs = scan.beganMs
    this.#scans.push(scan)
    if (this.#scans.length > mostScans) this.#scans.shift()
  }

  /** An inspection that went out then was answered. */
  inspected(id: string, atMs: number, life: number): void {
    if (life === this.life) this.#inspectedMs.set(id, atMs)
  }

  /** What a life of Flotsam asks. It answers at once, so that nothing can come between the answer and a request. */
  trackerOf(mood: () => 'knows' | 'unknown' | 'throws'): { has(id: string): boolean | undefined } {
    return {
      has: (id) => {
        const feels = mood()
        const answer = feels === 'knows' ? this.tracked.has(id) : undefined
        const asked = { id, answer }
        this.#lastAnswer = asked
        // forgotten before anything that waited could run on
        queueMicrotask(() => {
          if (this.#lastAnswer === asked) this.#lastAnswer = undefined
        })
        const made = this.#byId.get(id)
        if (made && answer) made.wasSeenTracked = true
        if (feels === 'throws') throw new Error('the tracker is broken on purpose')
        return answer
      },
    }
  }

  /** Judges one request at the moment at which it leaves Flotsam. */
  departs(harm: Harm, life: number): Departure {
    const made = this.#byId.get(harm.target)
    const departure: Departure = {
      ...harm,
      atMs: Date.now(),
      life,
      wrong: this.#wrongOf(harm, made),
      isAheadOfAnswer: made?.isPromised === true && made.answeredMs === undefined,
    }
    if (made) {
      made.departures.push(departure)
      this.mayEnd(made)
    } else this.strangers.set(harm.target, [...(this.strangers.get(harm.target) ?? []), departure])
    const { verb, target, wrong } = departure
    this.#journal.note('flotsam', `${verb} ${short(target)} ${made?.name ?? '(not known yet)'} leaves`)
    if (wrong !== undefined)
      this.convict(`wrong removal: ${verb} of ${made?.name ?? target}: ${wrong}`, made?.name)
    return departure
  }

  convict(charge: string, about?: string): void {
    this.convictions.push({ charge, about })
    this.#journal.note('CONVICTED', charge)
    this.onConviction(charge)
  }

  #wrongOf({ target }: Harm, made: Made | undefined): string | undefined {
    if (!/^[0-9a-f]{64}$/.test(target)) return `"${target}" is no full id`
    const asked = this.#lastAnswer
    if (asked?.id !== target) return 'the tracker was not asked about it last'
    if (asked.answer !== false) return `the tracker's last answer was ${String(asked.answer)}`
    if (this.tracked.has(target)) return 'the agent tracks it'
    if (!made) return undefined
    const moment = this.#momentOf(target)
    return wrongNow(made, moment) ?? unconfirmed(made, this.life, moment)
  }

  #momentOf(target: string): Moment {
    return {
      nowMs: Date.now(),
      graces: this.graces,
      standstills: this.#standstills,
      lifeBeganMs: this.#lifeBeganMs,
      lastScanMs: this.#lastScanMs,
      inspectedMs: this.#inspectedMs.get(target),
      coversEnded: this.coversEnded,
      all: this.all,
      isTracked: (made) => this.isTracked(made),
    }
  }
}
