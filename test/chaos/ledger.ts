import type { Tracked } from '../../src/tracker.ts'
import { type Journal, short } from './journal.ts'
import type { Story } from './plan.ts'
import type { Standstills } from './standstills.ts'
import type { Harm } from './wire.ts'

/** Whose a container is, by the labels that it was made with. */
export type Kind = 'ours' | 'kept' | 'label-from-image' | 'other-value' | 'unlabelled'

/** Everything that is known of one container outside of Flotsam. Times are wall-clock milliseconds, the engine's too. */
export interface Made {
  readonly name: string
  readonly kind: Kind
  readonly story: Story
  readonly askedMs: number
  /** The container whose network it shares. */
  readonly holder: Made | undefined
  /** The engine removes it when it ends. */
  readonly removesItself: boolean
  id: string | undefined
  /** By the engine, in whole seconds. */
  createdMs: number | undefined
  /** The agent has it in its inbox or in its hands and will register it. Flotsam must wait for that. */
  isPromised: boolean
  /** When the engine's answer to its creation came to the agent. */
  answeredMs: number | undefined
  /** This life of Flotsam heard `true` since the agent last took hold of it. */
  wasHeardTracked: boolean
  letGoMs: number | undefined
  /** The one who made it removed it: when it asked, and what the engine said. */
  removedByMaker: { readonly atMs: number; status: number | undefined } | undefined
  /** Requests of Flotsam's that would harm it, as they left. */
  readonly departures: Departure[]
}

export interface Departure extends Harm {
  readonly atMs: number
  /** The life of the agent, and of Flotsam in it, that sent it. */
  readonly life: number
  readonly wrong: string | undefined
  /** The engine took longer over its answer to the creation than the creation grace: nobody could have registered it. */
  readonly isAheadOfAnswer: boolean
}

export interface Graces {
  readonly creationMs: number
  readonly restoreMs: number
  readonly releaseMs: number
  readonly recoveryMs: number
}

/** What convicts: one line, and the name of the container that it is about. */
export interface Conviction {
  readonly charge: string
  readonly about: string | undefined
}

/**
 * The agent's own book of every container that it made, and the judge of every request that leaves Flotsam: what was
 * true in the book at the very moment. Flotsam is not asked.
 */
export class Ledger {
  readonly all: Made[] = []
  readonly tracked = new Set<string>()
  readonly convictions: Conviction[] = []
  readonly graces: Graces
  /** Departures for ids that were not known when they left. They are judged in the account. */
  readonly strangers = new Map<string, Departure[]>()
  /** Counts the lives of the agent. */
  life = 0
  readonly #byId = new Map<string, Made>()
  readonly #byName = new Map<string, Made>()
  #lifeBeganMs = 0
  /** The answer that the tracker gave in this very turn, until anything else has run. */
  #lastAnswer: { readonly id: string; readonly answer: boolean | undefined } | undefined
  readonly #journal: Journal
  readonly #standstills: Standstills

  constructor(graces: Graces, journal: Journal, standstills: Standstills) {
    this.graces = graces
    this.#journal = journal
    this.#standstills = standstills
  }

  open(made: Pick<Made, 'name' | 'kind' | 'story' | 'holder' | 'removesItself' | 'isPromised'>): Made {
    const entry: Made = {
      ...made,
      askedMs: Date.now(),
      id: undefined,
      createdMs: undefined,
      answeredMs: undefined,
      wasHeardTracked: false,
      letGoMs: undefined,
      removedByMaker: undefined,
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
    made.wasHeardTracked = false
    this.tracked.add(made.id)
  }

  letGo(made: Made): void {
    if (made.id === undefined || !this.tracked.delete(made.id)) return
    made.letGoMs = Date.now()
  }

  /** A life of the agent begins: it knows nothing but what its file gives back within the restore grace. */
  begin(remembered: ReadonlySet<Made>): void {
    this.life++
    this.tracked.clear()
    this.#lifeBeganMs = Date.now()
    for (const made of this.all) {
      made.isPromised = remembered.has(made)
      made.wasHeardTracked = false
      made.letGoMs = undefined
    }
  }

  /** What a life of Flotsam asks. It answers at once, so that nothing can come between the answer and a request. */
  trackerOf(mood: () => 'knows' | 'unknown' | 'throws'): Tracked {
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
        if (made && answer) made.wasHeardTracked = true
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
    if (made) made.departures.push(departure)
    else this.strangers.set(harm.target, [...(this.strangers.get(harm.target) ?? []), departure])
    const { verb, target, wrong } = departure
    this.#journal.note('flotsam', `${verb} ${short(target)} ${made?.name ?? '(not known yet)'} leaves`)
    if (wrong !== undefined)
      this.convict(`wrong removal: ${verb} of ${made?.name ?? target}: ${wrong}`, made?.name)
    return departure
  }

  convict(charge: string, about?: string): void {
    this.convictions.push({ charge, about })
    this.#journal.note('CONVICTED', charge)
  }

  #wrongOf({ target }: Harm, made: Made | undefined): string | undefined {
    if (!/^[0-9a-f]{64}$/.test(target)) return `"${target}" is no full id`
    const asked = this.#lastAnswer
    if (asked?.id !== target) return 'the tracker was not asked about it as the last thing'
    if (asked.answer !== false) return `the tracker's last answer was ${String(asked.answer)}`
    if (this.tracked.has(target)) return 'the agent tracks it'
    return made && this.#wrongNow(made, Date.now())
  }

  #wrongNow(made: Made, nowMs: number): string | undefined {
    if (made.kind !== 'ours') return `it is ${made.kind}`
    // an answer that takes the engine longer than the whole grace cannot be waited for
    if (made.isPromised && made.answeredMs !== undefined) return 'the agent is about to register it'
    for (const [grace, endsMs] of this.#graceEnds(made)) {
      if (nowMs < endsMs) return `the ${grace} grace has ${endsMs - nowMs} ms left`
    }
    const guest = this.all.find((one) => one.holder === made && this.#protects(one))
    return guest && `${guest.name} shares its network`
  }

  #graceEnds(made: Made): readonly (readonly [grace: string, endsMs: number])[] {
    const { creationMs, recoveryMs, releaseMs, restoreMs } = this.graces
    const bornMs = Math.max(made.askedMs, made.createdMs ?? 0)
    const { letGoMs } = made
    return [
      ['recovery', this.#standstills.lastEndMs + recoveryMs],
      ['restore', this.#endOf(restoreMs, this.#lifeBeganMs)],
      ['creation', this.#endOf(creationMs, bornMs)],
      ...(made.wasHeardTracked && letGoMs !== undefined
        ? [['release', this.#endOf(releaseMs, letGoMs)] as const]
        : []),
    ]
  }

  /** awake-time: what this life of the agent slept through is not counted. */
  #endOf(graceMs: number, sinceMs: number): number {
    return sinceMs + graceMs + this.#standstills.since(Math.max(sinceMs, this.#lifeBeganMs))
  }

  /** Whether a guest keeps its holder alive: one that is there and that somebody still cares for. */
  #protects(guest: Made): boolean {
    if (guest.id === undefined || guest.removedByMaker) return false
    return guest.kind !== 'ours' || guest.isPromised || this.tracked.has(guest.id)
  }
}
