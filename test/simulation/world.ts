import type { FlotsamEvent } from '../../src/domain/events.ts'
import type { Inspect } from '../../src/options/objects.ts'
import { createReconcilerIn, type Reconciler } from '../../src/reconciler.ts'
import { selfFrom } from '../../src/self/self-test.ts'
import { Stage } from './acts.ts'
import { Agent, short } from './agent.ts'
import { optionsFor, tracesOf, wordsOf } from './embedding.ts'
import type { Body, Draft } from './engine/body.ts'
import { SimulatedEngine } from './engine/engine.ts'
import type { Witness } from './engine/wire.ts'
import { CountingLog } from './log.ts'
import { mischiefs, type Plan } from './plan.ts'
import { Random } from './random.ts'
import type { Violation } from './safety/life.ts'
import { Safety } from './safety/safety.ts'
import { SimulatedSessions } from './sessions.ts'
import {
  imageLabel,
  ownerLabel,
  ownerValue,
  plainImage,
  type Setting,
  snapshotImage,
  taskLabel,
} from './setting.ts'
import { Standstill } from './standstill.ts'
import { Temptation } from './temptation.ts'
import { type Machine, Process, Timeline } from './timeline.ts'
import { isWord, Tally, type Word } from './vocabulary.ts'

export interface WorldOptions {
  readonly seed: number
  readonly plan: Plan
  /** Called with each step of the run, if given. */
  readonly say?: ((text: string) => void) | undefined
  readonly violate: (violation: Violation) => void
  /** Returns the observer of the next reconciler: each process of the agent has one of its own. */
  readonly inspect?: (() => Inspect) | undefined
}

/** Removals under way are given 5 s; a machine that stalls takes a little more. */
const stopWithinMs = 8500

/** One world: an agent with Flotsam in it, other agents, an engine, their clocks, and all that goes wrong among them. */
export class World {
  readonly setting: Setting
  readonly timeline: Timeline
  readonly engine: SimulatedEngine
  readonly safety: Safety
  readonly standstill: Standstill
  readonly sessions: SimulatedSessions
  readonly self: Body
  readonly tally = new Tally()
  readonly log = new CountingLog()
  readonly machine: Machine = { wallOffsetMs: 0, suspendedMs: 0 }
  readonly events: FlotsamEvent[] = []
  agent: Agent
  process: Process
  reconciler: Reconciler
  /** A disturbance of the agent's own making, such as adopting at the worst moment, happens only while this holds. */
  isWild = true
  readonly #random: Random
  readonly #temptation: Temptation
  readonly #file = new Map<string, string>()
  readonly #options: WorldOptions
  #made = 0
  #isRestarting = false
  #isLateStopReported = false

  constructor(options: WorldOptions) {
    const { seed, plan } = options
    this.#options = options
    this.setting = plan.setting
    this.#random = new Random(seed, 3)
    this.#temptation = new Temptation(this, this.#random)
    this.timeline = new Timeline(() => this.#afterStep())
    const { machine, setting, tally, timeline } = this
    const selfId = this.newId()
    this.sessions = new SimulatedSessions({
      random: new Random(seed, 8),
      note: (word) => this.note(word),
      said: (process, id, isHeld) => {
        this.say(`store says of session ${short(id)}: ${String(isHeld)}`)
        this.safety.leaseSaid(process, id, isHeld)
      },
    })
    this.safety = new Safety({
      timeline,
      setting,
      selfId,
      tally,
      engine: () => this.engine,
      sessions: this.sessions,
      violate: (violation) => this.#violate(violation),
    })
    this.engine = new SimulatedEngine(timeline, new Random(seed, 4), setting, this.#witness())
    this.engine.images.set(plainImage, {})
    this.engine.images.set(snapshotImage, { [ownerLabel]: ownerValue })
    this.standstill = new Standstill({
      timeline,
      engine: this.engine,
      safety: this.safety,
      machine,
      setting,
      current: () => this,
      say: (text) => this.say(text),
      note: (word) => tally.note(word),
    })
    this.say(
      Object.entries(setting)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(' '),
    )
    this.self = this.put({ id: selfId, name: 'the-agent' })
    ;[this.process, this.agent, this.reconciler] = this.#live()
    const stage = new Stage(this)
    for (const act of plan.acts) timeline.after(act.atMs, () => stage.play(act))
  }

  say(text: string): void {
    this.#options.say?.(`${(this.timeline.nowMs / 1000).toFixed(3).padStart(9)} ${text}`)
  }

  note(word: Word): void {
    this.tally.note(word)
  }

  /** Containers of ours that the agent neither tracks nor is about to. */
  get leaks(): readonly Body[] {
    const { agent } = this
    const { promised, releasing } = agent
    return this.engine.alive.filter(
      (body) =>
        body.labels[ownerLabel] === ownerValue &&
        body.id !== this.self.id &&
        !agent.tracks(body) &&
        !promised.has(body.id) &&
        !releasing.has(body.id),
    )
  }

  newId(): string {
    this.#made++
    const head = Math.imul(this.#made, 0x9e3779b1) >>> 0
    return head.toString(16).padStart(8, '0') + this.#made.toString(16).padStart(56, '0')
  }

  put(draft: Partial<Draft> = {}, namesImage = false): Body {
    const id = draft.id ?? this.newId()
    const name = draft.name ?? `task-${this.#made}`
    const isLabelled = this.setting.knownBy === 'label'
    const imageId = draft.imageId ?? plainImage
    return this.engine.create({
      id,
      name,
      labels: {
        [ownerLabel]: ownerValue,
        ...(isLabelled ? { [taskLabel]: name } : {}),
        ...(namesImage ? { [imageLabel]: imageId } : {}),
      },
      imageId,
      state: 'running',
      ...draft,
    })
  }

  /** A container that a failed call of the agent's left behind. */
  leak(draft: Partial<Draft> = {}, namesImage = false): Body {
    const body = this.put(draft, namesImage)
    const { removalFault, state } = body
    this.say(
      `agent leaks ${short(body.id)} (${state}${removalFault ? `, ${removalFault.kind} ${removalFault.times} times` : ''})`,
    )
    return body
  }

  adopt(id: string): void {
    if (this.engine.find(id)) this.agent.register(id)
  }

  /** The agent ends in good order, and is started again. */
  stop(): void {
    if (this.#isRestarting) return
    this.say('agent stops flotsam')
    this.safety.stopAsked()
    const { process } = this
    void this.reconciler.stop()
    this.#restartFrom(process, this.#random.between(6000, 20_000))
  }

  crash(downForMs: number): void {
    if (this.#isRestarting) return
    this.say('agent crashes')
    this.process.die()
    this.#restartFrom(this.process, downForMs)
  }

  /** Everything that is wrong ends. */
  becalm(): void {
    this.isWild = false
    const { agent, engine } = this
    engine.isCalm = true
    engine.wire.faults.clear()
    engine.wire.lies.clear()
    for (const mischief of mischiefs) engine.events.mend(mischief)
    this.standstill.thaw(this.#random.chance(0.3))
    if (!engine.isUp) this.standstill.recover()
    agent.trackerMood = undefined
    agent.hookMood = undefined
    this.mendStore()
    if (this.reconciler.status().state !== 'running' && !this.#isRestarting) this.crash(0)
    for (const body of engine.alive) if (body.removalFault) body.removalFault.times = 0
    this.#finishByHand()
    this.say('calm')
  }

  mendStore(): void {
    if (this.sessions.mood) this.say('store: mended')
    this.sessions.mood = undefined
  }

  #witness(): Witness {
    const { safety } = this
    return {
      note: (word) => this.note(word),
      leaves: (call) => {
        if (call.verb !== 'inspect')
          this.say(`flotsam asks ${call.verb}${call.id ? ` ${short(call.id)}` : ''}`)
        safety.leaves(call)
        if (call.verb === 'remove') {
          this.#temptation.toStop(0.03)
          this.#temptation.toAdoptThis(call.id, 0.1)
        }
      },
      departs: (call) => {
        this.say(`flotsam sends ${call.verb} ${short(call.id ?? '')}`)
        safety.departs(call)
        if (call.verb === 'remove') this.#temptation.toKillPodman(0.2)
      },
      answered: (call, answer) => {
        const listed =
          call.verb === 'list' ? (answer as { containers: readonly { id: string }[] }).containers : undefined
        const ids = listed ? `: ${listed.map(({ id }) => short(id)).join(' ')}` : ''
        this.say(`${call.verb}${call.id ? ` ${short(call.id)}` : ''} answers${ids}`)
        safety.answered(call, answer)
        if (listed) this.#temptation.toAdopt(0.12)
      },
      failed: (call, error) => {
        this.say(`${error.message} (${error.kind})`)
        safety.failed(call, error)
        if (call.verb === 'remove') this.#temptation.toAdopt(0.15)
      },
    }
  }

  #violate(violation: Violation): void {
    this.say(`VIOLATION ${violation.rule}: ${violation.message}`)
    this.#options.violate(violation)
  }

  /** What holds at every moment, whatever is or is not sent. */
  #afterStep(): void {
    const { process, safety, timeline } = this
    safety.checkStep()
    const stopAskedMs = safety.life?.stopAskedMs
    if (stopAskedMs === undefined || process.isFrozen || process.isDead || this.#isLateStopReported) return
    if (
      safety.time.between(stopAskedMs, timeline.nowMs) < stopWithinMs ||
      this.reconciler.status().state === 'stopped'
    )
      return
    this.#isLateStopReported = true
    safety.lateStop(stopWithinMs)
  }

  #live(): [Process, Agent, Reconciler] {
    const { engine, safety, setting, timeline } = this
    const random = this.#random
    const hiccup = setting.isBusy ? () => (random.chance(0.1) ? 5 : 0) : () => 0
    const process = new Process(timeline, this.machine, hiccup)
    const agent = new Agent({
      process,
      setting,
      random,
      file: this.#file,
      nowMs: () => timeline.nowMs,
      isEngineUp: () => engine.isUp,
      find: (id) => engine.find(id),
      end: (body) => engine.end(body),
      note: (word) => this.note(word),
      say: (text) => this.say(text),
      trackerAsked: (id) => safety.trackerAsked(id),
      trackerSaid: (id, answer) => {
        if (answer !== false) this.say(`tracker says of ${short(id)}: ${String(answer)}`)
        safety.trackerSaid(id, answer)
      },
      released: (id) => safety.released(id),
      hookAsked: (id) => {
        this.say(`flotsam asks the hook about ${short(id)}`)
        safety.hookAsked(id)
        this.#temptation.atHook(id)
      },
      hookSaid: (id, answer) => safety.hookSaid(id, answer),
    })
    const surroundings = {
      clock: process,
      engine: engine.portFor(process),
      random: () => random.next(),
      self: async (named: string | undefined) => selfFrom(tracesOf(this), named),
    }
    const reconciler = createReconcilerIn(surroundings, {
      ...optionsFor(this, agent, process),
      inspect: this.#options.inspect?.(),
    })
    reconciler.on('*', (event) => this.#receive(event))
    this.process = process
    this.agent = agent
    this.reconciler = reconciler
    timeline.process = process
    safety.begin(process, agent)
    // What the last life has read of it is lost.
    if (this.sessions.mood === 'flushed') this.mendStore()
    process.receive(() => {
      agent.restore()
      reconciler.start()
    })
    return [process, agent, reconciler]
  }

  #receive(event: FlotsamEvent): void {
    this.events.push(event)
    const { type } = event
    for (const word of [`says:${type}`, 'reason' in event ? `reason:${event.reason}` : ''])
      if (isWord(word)) this.note(word)
    if (type !== 'scanned' && type !== 'discovered' && type !== 'spared') {
      this.say(wordsOf(event))
    }
    this.safety.received(event)
    if (type === 'crashed' || (type === 'degraded' && event.about === 'fault')) {
      const { message } = event
      this.#violate({ rule: 'no-fault', message, atMs: this.timeline.nowMs, wrong: undefined })
    }
  }

  /** Flotsam finishes only what this process began, and only while the agent does not track it. */
  #finishByHand(): void {
    const leaks = new Set(this.leaks)
    this.engine.finishByHand(
      (body) => body.removalBy !== this.process || body.isCalledRemoved || !leaks.has(body),
    )
  }

  #restartFrom(process: Process, inMs: number): void {
    this.#isRestarting = true
    this.timeline.after(inMs, () => {
      process.die()
      this.standstill.thaw(this.#random.chance(0.3))
      this.#isRestarting = false
      this.say('agent starts')
      this.#live()
      if (this.engine.isCalm) this.#finishByHand()
    })
  }
}
