import { short } from './agent.ts'
import type { Body, Draft } from './engine/body.ts'
import type { Act, Stranger } from './plan.ts'
import { Random } from './random.ts'
import { goneImage, keepLabel, ownerLabel, ownerValue, snapshotImage } from './setting.ts'
import type { World } from './world.ts'

/** An engine's clock that is set by less than this and set back between two looks tells nobody; see `setClock`. */
const longestHiddenJumpMs = 5 * 60_000

type Kind<TKind extends Act['kind']> = Extract<Act, { kind: TKind }>

/** Plays the acts of a plan. */
export class Stage {
  readonly #world: World
  #clockSetMs: number | undefined

  constructor(world: World) {
    this.#world = world
  }

  play(act: Act): void {
    const world = this.#world
    const { agent, engine, machine, process, standstill } = world
    if (!world.isWild) return undefined
    const random = new Random(act.seed, 5)
    switch (act.kind) {
      case 'task':
        return this.#startTask(random, act)
      case 'leak':
        return this.#leak(random, act)
      case 'holder':
        return this.#startHolder(random)
      case 'stranger':
        return this.#startStrangers(act, random)
      case 'release':
        if (agent.tasks.size === 0 || process.isFrozen || process.isDead) return undefined
        world.note('act:release')
        return agent.release(random.pick([...agent.tasks]))
      case 'adopt':
        return this.#adopt(random)
      case 'crash':
        world.note('act:crash')
        return world.crash(random.between(100, 40_000))
      case 'stop':
        if (process.isDead) return undefined
        world.note('act:stop')
        return process.receive(() => world.stop())
      case 'vanish':
      case 'exit':
      case 'pause':
        return this.#disturb(act.kind, random.pick(engine.alive))
      case 'look':
        return this.#look()
      case 'freeze':
      case 'suspend':
      case 'lag':
        world.note(`act:${act.kind}`)
        return standstill.freeze(act.ms, act.kind === 'suspend')
      case 'wall-jump':
        // Set while the machine sleeps, it could hide the sleep.
        if (process.isFrozen) return undefined
        world.note('act:wall-jump')
        world.tell(`wall clock jumps by ${act.ms} ms`)
        machine.wallOffsetMs += act.ms
        return world.safety.wallJumped()
      case 'clock-jump':
        return this.#setClock(act.ms)
      case 'clock-excursion':
        return this.#setClockThereAndBack(random, act)
      case 'flood':
        return this.#flood(act.ms)
      case 'outage':
      case 'fault':
      case 'lie':
      case 'mischief':
      case 'tracker':
      case 'hook':
        return this.#goWrong(act, random)
    }
  }

  /** For as long as it lasts, and not beyond the chaos. */
  #goWrong(act: Kind<'outage' | 'fault' | 'lie' | 'mischief' | 'tracker' | 'hook'>, random: Random): void {
    const { agent, engine, standstill } = this.#world
    const [begin, end] = ((): readonly [() => void, () => void] => {
      switch (act.kind) {
        case 'outage':
          return [
            () => standstill.cutOff(act.how),
            () => {
              if (engine.wire.condition === 'wedged' && random.chance(0.3)) engine.crash()
              standstill.recover()
            },
          ]
        case 'fault':
          return [() => engine.wire.faults.add(act.what), () => engine.wire.faults.delete(act.what)]
        case 'lie':
          return [() => engine.wire.lies.add(act.what), () => engine.wire.lies.delete(act.what)]
        case 'mischief':
          return [() => this.#upset(act), () => engine.events.mend(act.what)]
        case 'tracker':
          return [() => (agent.trackerMood = act.mood), () => (agent.trackerMood = undefined)]
        case 'hook':
          return [() => (agent.hookMood = act.mood), () => (agent.hookMood = undefined)]
      }
    })()
    if (act.kind === 'outage' && !engine.isUp) return
    if (act.kind !== 'outage') this.#world.tell(`${act.kind}: ${'what' in act ? act.what : act.mood}`)
    begin()
    this.#world.timeline.after(act.ms, () => {
      if (this.#world.isWild) end()
    })
  }

  /** A stream that is refused, or hangs, is one that is opened anew. */
  #upset({ what }: Kind<'mischief'>): void {
    const { events } = this.#world.engine
    events.mischiefs.add(what)
    if (what === 'refused' || what === 'hanging') events.cut()
  }

  #flood(ms: number): void {
    const { engine, timeline } = this.#world
    if (engine.events.openCount === 0) return
    this.#world.note('act:flood')
    this.#world.tell(`engine: a hundred events a second for ${ms} ms`)
    for (let atMs = 0; atMs < ms; atMs += 100)
      timeline.after(atMs, () => engine.events.flood(10, engine.bodies))
  }

  #look(): void {
    const { process, reconciler } = this.#world
    if (process.isDead) return
    this.#world.note('act:look')
    // What it finds is for others to judge; that it may fail is part of the contract.
    process.receive(() => void reconciler.look().catch(() => {}))
  }

  #adopt(random: Random): void {
    const { leaks, process, self } = this.#world
    if (leaks.length === 0 || process.isDead) return
    this.#world.note('act:adopt')
    process.receive(() => {
      const { leaks: left } = this.#world
      this.#world.adopt(random.pick(left.length > 0 ? left : [self]).id)
    })
  }

  #disturb(how: 'vanish' | 'exit' | 'pause', body: Body): void {
    const { engine, self } = this.#world
    this.#world.note(`act:${how}`)
    this.#world.tell(`somebody's doing: ${how} ${short(body.id)}`)
    if (how === 'exit') engine.die(body)
    else if (how === 'pause') engine.put(body, 'paused')
    else if (body !== self) engine.end(body)
  }

  #leak(random: Random, { count, trouble }: Kind<'leak'>): void {
    if (!this.#world.engine.isUp) return
    this.#world.note('act:leak')
    for (let made = 0; made < count; made++) {
      this.#world.leak({
        trouble: trouble && { kind: trouble, times: random.chance(0.8) ? random.between(1, 3) : 50 },
        ...aLife(random),
      })
    }
  }

  #startTask(random: Random, { next, ms }: Kind<'task'>): void {
    const { agent, engine, process, standstill, timeline } = this.#world
    if (!engine.isUp || process.isDead || process.isFrozen) return
    this.#world.note('act:task')
    const { id } = this.#world.put()
    this.#world.tell(`agent creates ${short(id)}`)
    agent.promiseCreation(id)
    if (next === 'freeze') timeline.after(random.between(1, 5000), () => standstill.freeze(ms, false))
    if (next === 'clock-jump') {
      timeline.after(random.between(1, 5000), () => {
        this.#setClock(60 * 60_000 * random.pick([1, 1, 24, -1]))
        this.#look()
      })
    }
  }

  /** The clock is wrong for a while in which the agent creates something, and right again. */
  #setClockThereAndBack(random: Random, { jumpMs, ms }: Kind<'clock-excursion'>): void {
    const { timeline } = this.#world
    this.#world.note('act:clock-excursion')
    this.#setClock(jumpMs)
    const create = () => this.#startTask(random, { kind: 'task', next: undefined, ms: 0, atMs: 0, seed: 0 })
    timeline.after(random.between(1, ms - 1), create)
    timeline.after(ms, () => this.#setClock(-jumpMs))
  }

  /**
   * One hole is known: an engine's clock that is set by less than the time between two looks, and set back before the
   * next one, can make a container that is created in between look older than it is; before the first look of a life, so
   * can one that is set by any time. Such steps wait for a look.
   */
  #setClock(byMs: number): void {
    const { engine, isWild, safety, timeline } = this.#world
    if (!isWild) return
    const look = safety.life?.look
    const lookedMs = look?.listing.engineNowMs === undefined ? undefined : look.beganMs
    const isSmall = Math.abs(byMs) <= longestHiddenJumpMs
    const isUnseen = lookedMs === undefined || (isSmall && lookedMs <= (this.#clockSetMs ?? -1))
    if (this.#clockSetMs !== undefined && isUnseen) return
    this.#clockSetMs = timeline.nowMs
    this.#world.note('act:clock-jump')
    this.#world.tell(`engine's clock jumps by ${byMs} ms`)
    engine.clockOffsetMs += byMs
    safety.time.clockJumped(timeline.nowMs)
  }

  /** A container of ours whose network others use: foreign ones, more of ours, and guests of those. */
  #startHolder(random: Random): void {
    const { process } = this.#world
    this.#world.note('act:holder')
    let holder = this.#world.leak()
    const depth = random.chance(0.3) ? 2 : 1
    for (let guests = 0; guests < depth; guests++) {
      const isOurs = random.chance(0.5)
      const called = random.pick([holder.id, holder.id, holder.name, holder.id.slice(0, 12)])
      const guest = this.#world.put({
        holderId: holder.id,
        networkMode: `container:${called}`,
        labels: isOurs ? { [ownerLabel]: ownerValue } : { app: 'sidecar' },
        state: random.chance(0.3) ? 'exited' : 'running',
      })
      this.#world.note(guests > 0 ? 'agent:guest-of-a-guest' : 'agent:own-guest')
      this.#world.tell(
        `${isOurs ? 'our' : "somebody's"} ${short(guest.id)} uses its network (${guest.state})`,
      )
      if (isOurs && random.chance(0.4) && !process.isDead) process.receive(() => this.#world.adopt(guest.id))
      holder = guest
    }
  }

  #startStrangers({ what, count }: Kind<'stranger'>, random: Random): void {
    this.#world.note(`stranger:${what}`)
    for (let made = 0; made < count; made++) {
      const { id } = this.#world.put(aStranger(what, random))
      this.#world.tell(`${short(id)} appears (${what})`)
    }
  }
}

/** What a leaked container does, as a rule. */
function aLife(random: Random): Pick<Draft, 'state' | 'restartsAfterMs'> {
  return {
    state: random.weighted([
      [0.8, 'running'],
      [0.1, 'paused'],
      [0.03, 'created'],
      [0.03, 'exited'],
      [0.02, 'restarting'],
      [0.02, 'dead'],
    ]),
    restartsAfterMs: random.chance(0.25) ? random.between(100, 5000) : undefined,
  }
}

function aStranger(what: Stranger, random: Random): Partial<Draft> {
  const ours = { [ownerLabel]: ownerValue }
  switch (what) {
    case 'other-value':
      return { labels: { [ownerLabel]: random.pick(['agent-70', 'agent', 'AGENT-7']) } }
    case 'unlabelled':
      return { labels: { app: 'database' } }
    case 'snapshot':
      return { labels: ours, imageId: snapshotImage }
    case 'image-gone':
      return { labels: ours, imageId: goneImage }
    case 'kept':
      return { labels: { ...ours, [keepLabel]: random.pick(['', 'true']) } }
    case 'not-kept':
      return { labels: { ...ours, [keepLabel]: 'false' } }
    case 'infra':
      return { labels: ours, name: `${random.between(0x1000_0000, 0xffff_ffff).toString(16)}abcd-infra` }
  }
}
