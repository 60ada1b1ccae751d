import { eventNames, type FlotsamEvent } from '../../src/events.ts'
import { createReconcilerIn, type Reconciler } from '../../src/reconciler.ts'
import { selfFrom, type SelfTraces } from '../../src/self.ts'
import { Agent, short } from './agent.ts'
import { type Body, SimulatedEngine } from './engine.ts'
import type { Act, Plan, Setting } from './plan.ts'
import { Random } from './random.ts'
import { keepLabel, ownerLabel, ownerValue, Safety, type Violation } from './safety.ts'
import { type Machine, Process, Timeline } from './timeline.ts'

export interface WorldOptions {
  readonly seed: number
  readonly plan: Plan
  /** Told what happens, where anybody wants to know. */
  readonly tell?: ((text: string) => void) | undefined
  readonly violate: (violation: Violation) => void
}

/** Removals under way are given 5 s; a machine that stalls takes a little more. */
const stopWithinMs = 8500

const plainImage = 'sha256:busybox'
const snapshotImage = 'sha256:snapshot'

/** One world: an agent with Flotsam in it, other agents, an engine, their clocks, and all that goes wrong among them. */
export class World {
  readonly setting: Setting
  readonly timeline: Timeline
  readonly engine: SimulatedEngine
  readonly safety: Safety
  readonly self: Body
  agent: Agent
  process: Process
  reconciler: Reconciler
  /** A disturbance of the agent's own making, such as adopting at the worst moment, happens only while this holds. */
  isWild = true
  readonly events: FlotsamEvent[] = []
  readonly #random: Random
  readonly #machine: Machine = { wallOffsetMs: 0, suspendedMs: 0 }
  readonly #file = new Set<string>()
  readonly #options: WorldOptions
  #made = 0
  #isRestarting = false
  #isLateStopTold = false
  #clockSetMs: number | undefined
  #outageBeganMs: number | undefined
  /** How long an outage that ended while the process was frozen was known to last. */
  #toldAfterThawMs: number | undefined
  #frozen: { readonly process: Process; readonly fromMs: number; readonly isSuspended: boolean } | undefined

  constructor(options: WorldOptions) {
    const { seed, plan } = options
    this.#options = options
    this.setting = plan.setting
    this.#random = new Random(seed, 3)
    this.timeline = new Timeline(() => this.#afterStep())
    const selfId = this.#newId()
    this.safety = new Safety({
      timeline: this.timeline,
      setting: plan.setting,
      selfId,
      violate: (violation) => {
        this.tell(`VIOLATION ${violation.rule}: ${violation.message}`)
        options.violate(violation)
      },
    })
    this.engine = new SimulatedEngine(this.timeline, new Random(seed, 4), plan.setting, {
      leaves: (call) => {
        if (call.verb !== 'networkMode')
          this.tell(`flotsam asks ${call.verb}${call.id ? ` ${short(call.id)}` : ''}`)
        this.safety.leaves(call)
      },
      answered: (call, answer) => {
        const listed =
          call.verb === 'list' ? (answer as { containers: readonly { id: string }[] }).containers : undefined
        this.tell(
          `${call.verb}${call.id ? ` ${short(call.id)}` : ''} answers${listed ? `: ${listed.map(({ id }) => short(id)).join(' ')}` : ''}`,
        )
        this.safety.answered(call, answer)
        if (listed) this.#tempt()
      },
      failed: (call, error) => {
        this.tell(`${error.message} (${error.kind})`)
        this.safety.failed(call, error)
        if (call.verb === 'remove') this.#tempt(0.15)
      },
    })
    this.safety.watch(this.engine)
    this.engine.images.set(plainImage, {})
    this.engine.images.set(snapshotImage, { [ownerLabel]: ownerValue })
    this.tell(
      Object.entries(plan.setting)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(' '),
    )
    this.self = this.#put(selfId, { name: 'the-agent' })
    ;[this.process, this.agent, this.reconciler] = this.#live()
    for (const act of plan.acts) this.timeline.after(act.atMs, () => this.#play(act))
  }

  tell(text: string): void {
    this.#options.tell?.(`${(this.timeline.nowMs / 1000).toFixed(3).padStart(9)} ${text}`)
  }

  /** Containers of ours that the agent neither tracks nor is about to. */
  get leaks(): readonly Body[] {
    const { promised, releasing, tasks } = this.agent
    return this.engine.alive.filter(
      ({ id, labels }) =>
        labels[ownerLabel] === ownerValue &&
        id !== this.self.id &&
        !tasks.has(id) &&
        !promised.has(id) &&
        !releasing.has(id),
    )
  }

  /** A container that a failed call of the agent's left behind. */
  leak(random: Random, trouble?: Body['trouble']): Body {
    const body = this.#put(this.#newId(), { trouble, state: random.chance(0.1) ? 'paused' : 'running' })
    this.tell(`agent leaks ${short(body.id)}${trouble ? ` (${trouble.kind} ${trouble.times} times)` : ''}`)
    return body
  }

  /** Everything that is wrong ends. */
  becalm(): void {
    this.isWild = false
    const { agent, engine } = this
    engine.faults.clear()
    engine.lies.clear()
    this.#thaw()
    if (engine.condition !== 'up') this.#recover()
    agent.trackerMood = undefined
    agent.hookMood = undefined
    if (this.reconciler.status().state !== 'running' && !this.#isRestarting) this.#restart(0)
    for (const body of engine.alive) if (body.trouble) body.trouble.times = 0
    this.tell('calm')
  }

  /** What holds at every moment, whatever is or is not sent. */
  #afterStep(): void {
    const { safety, timeline } = this
    safety.checkStep()
    const stopAskedMs = safety.life?.stopAskedMs
    if (stopAskedMs === undefined || this.process.isFrozen || this.process.isDead || this.#isLateStopTold)
      return
    if (
      safety.countedMs(stopAskedMs, timeline.nowMs) < stopWithinMs ||
      this.reconciler.status().state === 'stopped'
    )
      return
    this.#isLateStopTold = true
    this.safety.lateStop(stopWithinMs)
  }

  #newId(): string {
    this.#made++
    const head = Math.imul(this.#made, 0x9e3779b1) >>> 0
    return head.toString(16).padStart(8, '0') + this.#made.toString(16).padStart(56, '0')
  }

  #put(
    id: string,
    body: Partial<Pick<Body, 'name' | 'labels' | 'imageId' | 'networkMode' | 'state' | 'trouble'>>,
  ): Body {
    return this.engine.create({
      id,
      name: `task-${this.#made}`,
      labels: { [ownerLabel]: ownerValue },
      imageId: plainImage,
      networkMode: 'bridge',
      state: 'running',
      trouble: undefined,
      ...body,
    })
  }

  #live(): [Process, Agent, Reconciler] {
    const { engine, safety, setting, timeline } = this
    const random = this.#random
    const process = new Process(
      timeline,
      this.#machine,
      setting.isBusy ? () => (random.chance(0.1) ? 5 : 0) : () => 0,
    )
    const agent = new Agent({
      process,
      setting,
      random,
      file: this.#file,
      nowMs: () => timeline.nowMs,
      isEngineUp: () => engine.condition === 'up',
      find: (id) => engine.find(id),
      tell: (text) => this.tell(text),
      trackerAsked: (id) => safety.trackerAsked(id),
      trackerSaid: (id, answer) => {
        if (answer !== false) this.tell(`tracker says of ${short(id)}: ${String(answer)}`)
        safety.trackerSaid(id, answer)
      },
      released: (id) => safety.released(id),
      hookAsked: (id) => {
        this.tell(`flotsam asks the hook about ${short(id)}`)
        safety.hookAsked(id)
        this.#temptAtHook(id)
      },
      hookSaid: (id, answer) => safety.hookSaid(id, answer),
    })
    const reconciler = createReconcilerIn(
      {
        clock: process,
        engine: engine.portFor(process),
        random: () => random.next(),
        isSelf: async (named) => selfFrom(this.#traces(), named),
      },
      this.#reconcilerOptions(agent),
    )
    for (const name of eventNames) reconciler.on(name, (event) => this.#hear(event as FlotsamEvent))
    this.process = process
    this.agent = agent
    this.reconciler = reconciler
    timeline.process = process
    safety.begin(process, agent)
    process.receive(() => {
      agent.restore()
      reconciler.start()
    })
    return [process, agent, reconciler]
  }

  #reconcilerOptions(agent: Agent): Parameters<typeof createReconcilerIn>[1] {
    const { setting } = this
    return {
      owner: { label: ownerLabel, value: ownerValue },
      tracked: setting.hasReady ? agent.tracked : { has: (id) => agent.tracked.has(id) },
      creationGrace: setting.creationGraceMs,
      restoreGrace: setting.restoreGraceMs,
      releaseGrace: setting.releaseGraceMs,
      recoveryGrace: setting.recoveryGraceMs,
      period: setting.periodMs,
      backoff: { min: '1s', max: setting.backoffMaxMs },
      filterListing: setting.filterListing,
      maxConcurrentRemovals: setting.maxConcurrent,
      maxRemovalsPerLook: setting.maxPerLook,
      maxDanglingShare: setting.maxShare,
      stopTimeout: setting.stopTimeoutMs,
      dryRun: setting.dryRun,
      states: setting.states,
      ...(setting.hasHook ? { beforeRemove: agent.beforeRemove } : {}),
      ...(setting.selfBy === 'name' ? { self: this.self.name } : {}),
    }
  }

  #traces(): SelfTraces {
    const { selfBy } = this.setting
    const { id } = this.self
    return {
      cgroup: selfBy === 'cgroup' ? `0::/docker/${id}\n` : '0::/\n',
      mountinfo: '',
      hostname: selfBy === 'hostname' ? id.slice(0, 12) : 'somewhere',
    }
  }

  #hear(event: FlotsamEvent): void {
    this.events.push(event)
    if (event.type !== 'looked' && event.type !== 'discovered' && event.type !== 'spared') {
      this.tell(
        `flotsam says ${event.type}${'id' in event ? ` ${short(event.id)}` : ''}${'verdict' in event ? ` ${event.verdict}` : ''}${'reason' in event ? ` ${event.reason}` : ''}${'message' in event ? ` ${event.message}` : ''}`,
      )
    }
    this.safety.heard(event)
    if (event.type === 'crashed' || (event.type === 'trouble' && event.about === 'fault')) {
      this.#options.violate({
        rule: 'no-fault',
        message: event.message,
        atMs: this.timeline.nowMs,
        wrong: undefined,
      })
    }
  }

  /** The agent adopts at the moment when it matters most. */
  #tempt(probability = 0.07): void {
    const random = this.#random
    if (!this.isWild || !random.chance(probability)) return
    const { leaks, process } = this
    if (leaks.length === 0) return
    const { id } = random.pick(leaks)
    process.setTimeout(() => this.#adopt(id), random.between(1, 2500))
  }

  #temptAtHook(id: string): void {
    const random = this.#random
    if (!this.isWild) return
    if (random.chance(0.35)) this.process.setTimeout(() => this.#adopt(id), random.between(1, 800))
    else if (random.chance(0.3)) this.process.setTimeout(() => this.#stop(), random.between(1, 400))
  }

  #adopt(id: string): void {
    if (this.engine.find(id)) this.agent.register(id)
  }

  /** The agent ends in good order, and is started again. */
  #stop(): void {
    if (this.#isRestarting) return
    this.tell('agent stops flotsam')
    this.safety.stopAsked()
    const { process } = this
    void this.reconciler.stop()
    this.#restartFrom(process, this.#random.between(6000, 20_000))
  }

  #restart(downForMs: number): void {
    this.process.die()
    this.#restartFrom(this.process, downForMs)
  }

  #restartFrom(process: Process, inMs: number): void {
    this.#isRestarting = true
    this.timeline.after(inMs, () => {
      process.die()
      this.#thaw()
      this.#isRestarting = false
      this.tell('agent starts')
      this.#live()
    })
  }

  #recover(): void {
    const { agent, engine, safety, timeline } = this
    const { outSinceMs } = safety.life ?? {}
    engine.recover()
    this.tell('engine is up')
    const beganMs = this.#outageBeganMs ?? timeline.nowMs
    this.#outageBeganMs = undefined
    // A stall within the outage is counted as such.
    const awakeUntilMs = this.#frozen?.fromMs ?? timeline.nowMs
    const noticedMs =
      outSinceMs === undefined
        ? 0
        : Math.max(0, safety.countedMs(Math.max(outSinceMs, beganMs), awakeUntilMs))
    if (this.#frozen) this.#toldAfterThawMs = noticedMs
    else agent.engineCameBack(noticedMs)
  }

  #freeze(ms: number, isSuspended: boolean): void {
    const { process, timeline } = this
    if (process.isFrozen || process.isDead) return
    process.freeze()
    this.tell(`process ${isSuspended ? 'and its machine are suspended' : 'is frozen'} for ${ms} ms`)
    const frozen = { process, fromMs: timeline.nowMs, isSuspended }
    this.#frozen = frozen
    timeline.after(ms, () => {
      if (this.#frozen === frozen) this.#thaw()
    })
  }

  #thaw(): void {
    const frozen = this.#frozen
    this.#frozen = undefined
    if (!frozen) return
    const { timeline } = this
    const { process, fromMs, isSuspended } = frozen
    const forMs = timeline.nowMs - fromMs
    if (isSuspended) this.#machine.suspendedMs += forMs
    const toldMs = this.#toldAfterThawMs
    this.#toldAfterThawMs = undefined
    if (process !== this.process || process.isDead) return
    const stallMs = Math.min(3000, Math.max(1000, this.setting.creationGraceMs / 4))
    if (forMs > stallMs) {
      this.safety.stalled({ fromMs, toMs: timeline.nowMs })
      this.agent.stalledFor(forMs)
    }
    if (toldMs !== undefined) this.agent.engineCameBack(toldMs)
    process.thaw(this.#random.chance(0.3))
    this.tell('process goes on')
  }

  /** For as long as it lasts, and not beyond the chaos. */
  #during(ms: number, begin: () => void, end: () => void): void {
    begin()
    this.timeline.after(ms, () => {
      if (this.isWild) end()
    })
  }

  #play(act: Act): void {
    const { agent, engine, process, timeline } = this
    const random = new Random(act.seed, 5)
    switch (act.kind) {
      case 'task':
        return this.#startTask(random, act)
      case 'leak':
        if (engine.condition !== 'up') return
        for (let count = 0; count < act.count; count++) {
          this.leak(random, act.trouble ? { kind: act.trouble, times: random.between(1, 3) } : undefined)
        }
        return
      case 'holder':
        return this.#startHolder(random)
      case 'stranger':
        return this.#startStranger(act.what, random)
      case 'release':
        if (agent.tasks.size > 0 && !process.isFrozen && !process.isDead)
          agent.release(random.pick([...agent.tasks]))
        return
      case 'adopt':
        if (this.leaks.length > 0 && !process.isDead)
          process.receive(() => this.#adopt(random.pick(this.leaks.length > 0 ? this.leaks : [this.self]).id))
        return
      case 'crash':
        if (this.#isRestarting) return
        this.tell('agent crashes')
        return this.#restart(random.between(100, 40_000))
      case 'stop':
        return process.isDead ? undefined : process.receive(() => this.#stop())
      case 'vanish': {
        const body = random.pick(engine.alive)
        if (body !== this.self) body.removedMs = timeline.nowMs
        return this.tell(`somebody removes ${short(body.id)}`)
      }
      case 'exit':
      case 'pause': {
        const body = random.pick(engine.alive)
        body.state = act.kind === 'exit' ? 'exited' : 'paused'
        return this.tell(`${short(body.id)} is ${body.state}`)
      }
      case 'look':
        // What it finds is for others to judge; that it may fail is part of the contract.
        if (!process.isDead) process.receive(() => void this.reconciler.look().catch(() => {}))
        return
      case 'freeze':
      case 'suspend':
      case 'lag':
        return this.#freeze(act.ms, act.kind === 'suspend')
      case 'wall-jump':
        // Set while the machine sleeps, it could hide the sleep.
        if (process.isFrozen) return
        this.tell(`wall clock jumps by ${act.ms} ms`)
        this.#machine.wallOffsetMs += act.ms
        return this.safety.wallJumped()
      case 'clock-jump':
        return this.#setClock(act.ms)
      case 'outage':
        return this.#cutOff(act.how, act.ms, random)
      case 'fault':
        this.tell(`engine: ${act.what}`)
        return this.#during(
          act.ms,
          () => engine.faults.add(act.what),
          () => engine.faults.delete(act.what),
        )
      case 'lie':
        this.tell(`engine lies: ${act.what}`)
        return this.#during(
          act.ms,
          () => engine.lies.add(act.what),
          () => engine.lies.delete(act.what),
        )
      case 'tracker':
        this.tell(`tracker: ${act.mood}`)
        return this.#during(
          act.ms,
          () => (agent.trackerMood = act.mood),
          () => (agent.trackerMood = undefined),
        )
      case 'hook':
        this.tell(`hook: ${act.mood}`)
        return this.#during(
          act.ms,
          () => (agent.hookMood = act.mood),
          () => (agent.hookMood = undefined),
        )
    }
  }

  #startTask(random: Random, { next, ms }: Extract<Act, { kind: 'task' }>): void {
    const { agent, engine, process, timeline } = this
    if (engine.condition !== 'up' || process.isDead || process.isFrozen) return
    const { id } = this.#put(this.#newId(), {})
    this.tell(`agent creates ${short(id)}`)
    agent.promiseCreation(id)
    if (next === 'freeze') timeline.after(random.between(1, 5000), () => this.#freeze(ms, false))
    if (next === 'clock-jump') {
      timeline.after(random.between(1, 5000), () => {
        this.#setClock(60 * 60_000 * random.pick([1, 1, 24, -1]))
        if (!process.isDead) process.receive(() => void this.reconciler.look().catch(() => {}))
      })
    }
  }

  /** A clock that is set there and back between two looks shows nothing of it: at least one look that tells the time is in between. */
  #setClock(byMs: number): void {
    const look = this.safety.life?.look
    const lookedMs = look?.listing.engineNowMs === undefined ? undefined : look.beganMs
    if (this.#clockSetMs !== undefined && (lookedMs === undefined || lookedMs <= this.#clockSetMs)) return
    this.#clockSetMs = this.timeline.nowMs
    this.tell(`engine's clock jumps by ${byMs} ms`)
    this.engine.clockOffsetMs += byMs
    this.safety.clockJumped()
  }

  /** A container of ours whose network another one uses: a foreign one, or one more of ours. */
  #startHolder(random: Random): void {
    const holder = this.leak(random)
    const isOurs = random.chance(0.5)
    const guest = this.#put(this.#newId(), {
      networkMode: `container:${holder.id}`,
      labels: isOurs ? { [ownerLabel]: ownerValue } : { app: 'sidecar' },
      state: random.chance(0.3) ? 'exited' : 'running',
    })
    this.tell(`${isOurs ? 'our' : "somebody's"} ${short(guest.id)} uses its network (${guest.state})`)
    if (isOurs && random.chance(0.4) && !this.process.isDead)
      this.process.receive(() => this.#adopt(guest.id))
  }

  #startStranger(what: Extract<Act, { kind: 'stranger' }>['what'], random: Random): void {
    const labels = {
      'other-value': { [ownerLabel]: random.pick(['agent-70', 'agent', 'AGENT-7']) },
      unlabelled: { app: 'database' },
      snapshot: { [ownerLabel]: ownerValue },
      kept: { [ownerLabel]: ownerValue, [keepLabel]: random.pick(['', 'true']) },
    }[what]
    const { id } = this.#put(this.#newId(), {
      labels,
      imageId: what === 'snapshot' ? snapshotImage : plainImage,
    })
    this.tell(`${short(id)} appears (${what})`)
  }

  #cutOff(how: 'down' | 'wedged', ms: number, random: Random): void {
    const { engine } = this
    if (engine.condition !== 'up') return
    this.tell(`engine is ${how}`)
    this.#outageBeganMs = this.timeline.nowMs
    this.#during(
      ms,
      () => (how === 'down' ? engine.crash() : engine.wedge()),
      () => {
        if (engine.condition === 'wedged' && random.chance(0.3)) engine.crash()
        this.#recover()
      },
    )
  }
}
