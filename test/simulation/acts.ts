import { short } from './agent.ts'
import type { Body, Draft } from './engine/body.ts'
import { type Act, podmansStates, spaces, type Stranger, type RemovalFault } from './plan.ts'
import { Random } from './random.ts'
import {
  goneImage,
  imageLabel,
  keepLabel,
  ownerLabel,
  ownerValue,
  plainImage,
  type Setting,
  snapshotImage,
} from './setting.ts'
import type { World } from './world.ts'

/** An engine's clock that is set by less than this and set back between two scans goes unnoticed; see `setClock`. */
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
    const { agent, machine, process, standstill } = world
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
        return agent.release(random.pick([...agent.tasks.keys()]))
      case 'finish':
        if (agent.tasks.size === 0 || process.isFrozen || process.isDead) return undefined
        world.note('act:finish')
        return agent.finish()
      case 'session':
      case 'session-task':
        return this.#startOfSession(act, random)
      case 'end-session':
        return this.#endSession(random)
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
      case 'unpause':
      case 'rename':
        return this.#disturb(act.kind, random)
      case 'start-old':
        return this.#startOld(random)
      case 'scan':
        return this.#scan()
      case 'freeze':
      case 'suspend':
      case 'lag':
        world.note(`act:${act.kind}`)
        return standstill.freeze(act.ms, act.kind === 'suspend')
      case 'wall-jump':
        // Set while the machine sleeps, it could hide the sleep.
        if (process.isFrozen) return undefined
        world.note('act:wall-jump')
        world.say(`wall clock jumps by ${act.ms} ms`)
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
      case 'store':
        return this.#upsetStore(act)
    }
  }

  /** For as long as it lasts, and not beyond the chaos. */
  #goWrong(act: Kind<'outage' | 'fault' | 'lie' | 'mischief' | 'tracker' | 'hook'>, random: Random): void {
    const { agent, engine, sessions, standstill } = this.#world
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
          return [
            () => {
              engine.wire.lies.add(act.what)
              // What was read of its sessions is lost with them.
              if (act.what === 'elsewhere' && sessions.mood === 'flushed') this.#world.mendStore()
            },
            () => engine.wire.lies.delete(act.what),
          ]
        case 'mischief':
          return [() => this.#upset(act), () => engine.events.mend(act.what)]
        case 'tracker':
          return [() => (agent.trackerMood = act.mood), () => (agent.trackerMood = undefined)]
        case 'hook':
          return [() => (agent.hookMood = act.mood), () => (agent.hookMood = undefined)]
      }
    })()
    if (act.kind === 'outage' && !engine.isUp) return
    if (act.kind === 'tracker' && act.mood === 'forgets-suddenly' && !this.#world.safety.isAllReportedAgain)
      return
    if (act.kind !== 'outage') this.#world.say(`${act.kind}: ${'what' in act ? act.what : act.mood}`)
    begin()
    this.#world.timeline.after(act.ms, () => {
      if (this.#world.isWild) end()
    })
  }

  /** What another agent starts: in a session that begins with it, or in one that goes on. */
  #startOfSession({ kind, count }: Kind<'session' | 'session-task'>, random: Random): void {
    const { engine, sessions, setting } = this.#world
    // No one could know of a session that begins while the store has forgotten all leases.
    if (!setting.hasSessions || !engine.isUp || sessions.mood === 'flushed') return
    if (kind === 'session-task' && sessions.alive.length === 0) return
    this.#world.note(`act:${kind}`)
    const session = kind === 'session' ? sessions.start() : random.pick(sessions.alive)
    for (let made = 0; made < count; made++) {
      const { id } = this.#world.put({
        labels: { [ownerLabel]: session },
        state: random.pick(['running', 'exited']),
      })
      this.#world.say(`session ${short(session)} creates ${short(id)}`)
    }
  }

  #endSession(random: Random): void {
    const { sessions } = this.#world
    if (sessions.alive.length === 0) return
    const session = random.pick(sessions.alive)
    this.#world.note('act:end-session')
    this.#world.say(`session ${short(session)} ends`)
    sessions.end(session)
  }

  /** A store that forgets all leases remembers them before the sessions can be taken for ended. */
  #upsetStore({ mood, ms }: Kind<'store'>): void {
    const { safety, sessions, setting, timeline } = this.#world
    if (!setting.hasSessions || sessions.mood !== undefined) return
    const longestMs = mood === 'flushed' ? safety.longestFlushMs(sessions.alive) : Infinity
    const forMs = Math.min(ms, longestMs)
    if (forMs <= 0) return
    this.#world.say(`store: ${mood} for ${forMs} ms`)
    sessions.mood = mood
    timeline.after(forMs, () => {
      if (sessions.mood === mood) this.#world.mendStore()
    })
  }

  /** A stream that is refused, or hangs, is one that is opened again. */
  #upset({ what }: Kind<'mischief'>): void {
    const { events } = this.#world.engine
    events.mischiefs.add(what)
    if (what === 'refused' || what === 'hanging') events.cut()
  }

  #flood(ms: number): void {
    const { engine, timeline } = this.#world
    if (engine.events.openCount === 0) return
    this.#world.note('act:flood')
    this.#world.say(`engine: a hundred events a second for ${ms} ms`)
    for (let atMs = 0; atMs < ms; atMs += 100)
      timeline.after(atMs, () => engine.events.flood(10, engine.bodies))
  }

  #scan(): void {
    const { process, reconciler } = this.#world
    if (process.isDead) return
    this.#world.note('act:scan')
    // Its result is not judged here; that it may fail is part of the contract.
    process.receive(() => void reconciler.scan().catch(() => {}))
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

  #disturb(how: 'vanish' | 'exit' | 'pause' | 'unpause' | 'rename', random: Random): void {
    const { engine, self } = this.#world
    const paused = engine.alive.filter(({ state }) => state === 'paused')
    const body = random.pick(how === 'unpause' && paused.length > 0 ? paused : engine.alive)
    // Nothing can be done to it but to finish its removal.
    if (body.isHalfRemoved && how !== 'vanish') return
    this.#world.note(`act:${how}`)
    this.#world.say(`another client: ${how} ${short(body.id)}`)
    if (how === 'exit') engine.die(body)
    // What never ran cannot be paused.
    else if (how === 'pause' && body.startedAtMs !== undefined) engine.put(body, 'paused')
    else if (how === 'unpause') engine.unpause(body)
    else if (body === self || (how === 'rename' && body.isInfra)) return
    else if (how === 'rename') engine.rename(body, `renamed-${random.between(0, 1e6)}`)
    else engine.end(body)
  }

  /** The agent starts or restarts an old container, and registers it when start() has answered. */
  #startOld(random: Random): void {
    const { agent, engine, leaks, process, setting } = this.#world
    if (!engine.isUp || process.isDead || process.isFrozen || leaks.length === 0) return
    this.#world.note('act:start-old')
    const atRest = leaks.filter(({ state }) => state === 'exited' || state === 'created')
    const body = random.pick(atRest.length > 0 ? atRest : leaks)
    if (body.isRemovalUnderWay || body.state === 'paused') return
    this.#world.note(atRest.length > 0 ? 'agent:starts-old' : 'agent:restarts')
    this.#world.say(`agent ${atRest.length > 0 ? 'starts' : 'restarts'} ${short(body.id)}`)
    if (setting.isPodman && body.startedAtMs !== undefined && random.chance(0.7)) {
      this.#world.note('agent:restores-checkpoint')
      engine.restore(body)
    } else engine.start(body)
    agent.promiseStart(body.id)
  }

  #leak(random: Random, { count, removalFault }: Kind<'leak'>): void {
    if (!this.#world.engine.isUp) return
    this.#world.note('act:leak')
    const { imageId, namesImage } = this.#imageOfLeak(random)
    for (let made = 0; made < count; made++) {
      const draft = {
        imageId,
        removalFault: removalFault && { kind: removalFault, times: timesOf(removalFault, random) },
        ...aLife(random, this.#world),
      }
      this.#world.leak(draft, namesImage)
    }
  }

  #imageOfLeak(random: Random): { readonly imageId: string; readonly namesImage: boolean } {
    const kind = random.weighted<'plain' | 'fading' | 'snapshot'>([
      [0.85, 'plain'],
      [0.1, 'fading'],
      [0.05, 'snapshot'],
    ])
    if (kind === 'plain') return { imageId: plainImage, namesImage: false }
    const namesImage = kind === 'snapshot' || random.chance(0.5)
    if (namesImage) this.#world.note(kind === 'snapshot' ? 'agent:names-snapshot' : 'agent:names-image')
    return { imageId: kind === 'snapshot' ? snapshotImage : this.#fadingImage(random), namesImage }
  }

  /** An image that is force-removed under its containers some time later. */
  #fadingImage(random: Random, labels: Body['labels'] = {}): string {
    const { engine, timeline } = this.#world
    const imageId = `sha256:${random.between(0, 1e9).toString(16).padStart(64, 'f')}`
    engine.images.set(imageId, labels)
    timeline.after(random.between(1000, 120_000), () => {
      const { agent } = this.#world
      this.#world.note('engine:loses-image')
      if (engine.alive.some((body) => body.imageId === imageId && agent.tracks(body)))
        this.#world.note('engine:loses-tracked-image')
      engine.loseImage(imageId)
    })
    return imageId
  }

  #startTask(random: Random, { next, ms }: Kind<'task'>): void {
    const { agent, engine, process, setting, standstill, timeline } = this.#world
    if (!engine.isUp || process.isDead || process.isFrozen) return
    this.#world.note('act:task')
    if (setting.knownBy === 'id') {
      const { id } = this.#world.put({
        imageId: random.chance(0.15) ? this.#fadingImage(random) : plainImage,
      })
      this.#world.say(`agent creates ${short(id)}`)
      agent.promiseCreation(id)
    } else this.#registerAndCreate(random)
    if (next === 'freeze') timeline.after(random.between(1, 5000), () => standstill.freeze(ms, false))
    if (next === 'clock-jump') {
      timeline.after(random.between(1, 5000), () => {
        this.#setClock(60 * 60_000 * random.pick([1, 1, 24, -1]))
        this.#scan()
      })
    }
  }

  /** By its own name or label it is registered before it is created; the request may be lost in transit. */
  #registerAndCreate(random: Random): void {
    const { agent, engine, timeline } = this.#world
    const id = this.#world.newId()
    const name = `job-${random.between(0, 1e9)}`
    this.#world.note('agent:registers-before-creation')
    agent.register(id, name)
    timeline.after(random.between(1, 200), () => {
      if (!engine.isUp) return
      this.#world.put({ id, name })
      this.#world.say(`agent creates ${short(id)}, called ${name}`)
    })
  }

  /** The clock is wrong for a while, in which the agent creates something, and then right again. */
  #setClockThereAndBack(random: Random, { jumpMs, ms }: Kind<'clock-excursion'>): void {
    const { timeline } = this.#world
    this.#world.note('act:clock-excursion')
    this.#setClock(jumpMs)
    const create = () => this.#startTask(random, { kind: 'task', next: undefined, ms: 0, atMs: 0, seed: 0 })
    timeline.after(random.between(1, ms - 1), create)
    timeline.after(ms, () => this.#setClock(-jumpMs))
  }

  /**
   * One hole is known: an engine's clock that is set by less than the time between two scans, and set back before the
   * next one, can make a container that is created in between seem older than it is; before the first scan of a life, so
   * can one that is set by any time. Such steps wait for a scan.
   */
  #setClock(byMs: number): void {
    const { engine, isWild, safety, timeline } = this.#world
    if (!isWild) return
    const scan = safety.life?.scan
    const scannedMs = scan?.listing.engineNowMs === undefined ? undefined : scan.beganMs
    const isSmall = Math.abs(byMs) <= longestHiddenJumpMs
    const isUnseen = scannedMs === undefined || (isSmall && scannedMs <= (this.#clockSetMs ?? -1))
    if (this.#clockSetMs !== undefined && isUnseen) return
    this.#clockSetMs = timeline.nowMs
    this.#world.note('act:clock-jump')
    this.#world.say(`engine's clock jumps by ${byMs} ms`)
    engine.clockOffsetMs += byMs
    safety.time.clockJumped(timeline.nowMs)
  }

  /** A container of ours whose namespaces others use: foreign ones, more of ours, and guests of those. */
  #startHolder(random: Random): void {
    const { process } = this.#world
    this.#world.note('act:holder')
    const { isPodman, listsNetworks } = this.#world.setting
    if (!isPodman && listsNetworks && random.chance(0.3)) return this.#startLateHolder(random)
    let holder = this.#world.leak()
    const depth = random.chance(0.3) ? 2 : 1
    for (let guests = 0; guests < depth; guests++) {
      const isOurs = random.chance(0.5)
      const called = random.pick([holder.id, holder.id, holder.name, holder.id.slice(0, 12)])
      const space = random.chance(0.4) ? 'network' : random.pick(spaces)
      this.#world.note(`space:${space}`)
      const guest = this.#world.put({
        shares: [{ space, holderId: holder.id, called }],
        ...(isOurs ? {} : { labels: { app: 'sidecar' }, isOverLimit: random.chance(0.2) }),
        state: random.chance(0.3) ? 'exited' : 'running',
      })
      this.#world.note(guests > 0 ? 'agent:guest-of-a-guest' : 'agent:own-guest')
      this.#world.say(`${isOurs ? 'our' : 'foreign'} ${short(guest.id)} uses its ${space} (${guest.state})`)
      if (isOurs && random.chance(0.4) && !process.isDead) process.receive(() => this.#world.adopt(guest.id))
      holder = guest
    }
  }

  /** A guest is older than its holder, and another one gets the name before the guest is started again. */
  #startLateHolder(random: Random): void {
    const { engine, timeline } = this.#world
    const called = random.pick(['late', 'ab12cd34ef56']) + `${random.between(0, 1e6)}`
    const guest = this.#world.put({
      shares: [{ space: 'network', holderId: '', called, isLookedUp: true }],
      labels: { app: 'sidecar' },
      state: 'created',
    })
    this.#world.note('space:network')
    this.#world.say(`foreign ${short(guest.id)} waits for a network of ${called}`)
    const start = () => {
      if (guest.removedMs !== undefined) return
      this.#world.say(`foreign ${short(guest.id)} is started`)
      engine.start(guest)
    }
    const rename = (body: Body) => () => {
      if (body.removedMs === undefined) engine.rename(body, `${called}-${short(body.id)}`)
    }
    let atMs = 0
    const later = (act: () => void) => timeline.after((atMs += random.between(100, 20_000)), act)
    for (let holders = 0; holders < 2; holders++) {
      later(() => {
        const holder = this.#world.leak({ name: called })
        if (random.chance(0.8)) timeline.after(random.between(1, 5000), start)
        timeline.after(random.between(5001, 10_000), rename(holder))
      })
      atMs += 10_000
    }
    if (random.chance(0.5)) later(start)
  }

  #startStrangers({ what, count }: Kind<'stranger'>, random: Random): void {
    this.#world.note(`stranger:${what}`)
    if (what === 'named-like-an-id') return this.#startNamesakes(count)
    if (what === 'orchestrated') return this.#startOrchestrated(count)
    if (what === 'copy') return this.#startCopies(count, random)
    for (let made = 0; made < count; made++) {
      const { id } = this.#world.put(aStranger(what, random, this.#world.setting))
      this.#world.say(`${short(id)} appears (${what})`)
    }
  }

  /** From a snapshot of a container of the agent's, which named its image; the copies have all of its labels. */
  #startCopies(count: number, random: Random): void {
    const labels = { [ownerLabel]: ownerValue, [imageLabel]: `sha256:${'a'.repeat(64)}` }
    const imageId = this.#fadingImage(random, labels)
    for (let made = 0; made < count; made++) {
      const { id } = this.#world.put({ labels, imageId })
      this.#world.say(`${short(id)} appears (copy)`)
    }
  }

  /** Foreign containers named like the ids of leaks; the leaks end by themselves a little later. */
  #startNamesakes(count: number): void {
    const { engine, timeline } = this.#world
    for (let made = 0; made < count; made++) {
      const leak = this.#world.leak({ removalFault: { kind: 'hangs', times: 1 } })
      const { id } = this.#world.put({ name: leak.id, labels: { app: 'namesake' } })
      this.#world.say(`${short(id)} is named like ${short(leak.id)}`)
      timeline.after(90_000 + made * 500, () => engine.end(leak))
    }
  }

  /** A service keeps a task: a removed container comes back under another id. */
  #startOrchestrated(count: number): void {
    const { timeline } = this.#world
    const start = (name: string) => {
      const { id } = this.#world.put({
        name,
        labels: { [ownerLabel]: ownerValue, 'com.docker.swarm.task.id': name },
        replaced: () => {
          if (!this.#world.isWild) return
          this.#world.note('engine:starts-again-by-orchestrator')
          timeline.after(11_000, () => start(name))
        },
      })
      this.#world.say(`${short(id)} appears (orchestrated)`)
    }
    for (let made = 0; made < count; made++) start(`service.${made}`)
  }
}

/** A client that may not remove it is refused only for a while. */
function timesOf(removalFault: RemovalFault, random: Random): number {
  return random.chance(removalFault === 'denied' ? 0.2 : 0.8) ? random.between(1, 3) : 50
}

/** What a leaked container does, as a rule. */
function aLife(random: Random, world: World): Pick<Draft, 'state' | 'restartsAfterMs' | 'isAutoRemoved'> {
  if (world.setting.isPodman && random.chance(0.15)) {
    const state = random.pick(podmansStates)
    world.note(`podman:${state}`)
    return { state }
  }
  if (random.chance(0.1)) return { state: 'running', isAutoRemoved: true }
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

function aStranger(
  what: Exclude<Stranger, 'named-like-an-id' | 'orchestrated' | 'copy'>,
  random: Random,
  { isPodman }: Setting,
): Partial<Draft> {
  const ours = { [ownerLabel]: ownerValue }
  switch (what) {
    case 'other-value':
      return {
        labels: {
          [ownerLabel]: random.pick([`${ownerValue}0`, ownerValue.slice(1), ownerValue.toUpperCase()]),
        },
      }
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
      return {
        labels: ours,
        name: `${random.between(0x1000_0000, 0xffff_ffff).toString(16)}abcd-infra`,
        isInfra: true,
      }
    case 'over-limit':
      return { labels: { app: 'of 17 MiB' }, isOverLimit: true }
    case 'named-infra':
      return { labels: ours, name: `pod-${random.between(0, 1e6)}`, isInfra: isPodman }
  }
}
