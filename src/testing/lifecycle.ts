import type { Clock } from '../domain/clock.ts'
import type { Dialect } from './dialect.ts'
import { stopOfPaused } from './dialects/podman.ts'
import type { EventLog } from './events.ts'
import { cgroupHolderOf, holderIn, isAlive, type Container } from './model.ts'
import { isProgramThere, politeSignals, programOf, sigkill, sigterm } from './programs.ts'
import { Refusal } from './refusal.ts'
import type { ContainerStore } from './store.ts'

export interface LifecycleParts {
  readonly clock: Clock
  /** The engine's wall clock. */
  readonly now: () => number
  readonly store: ContainerStore
  readonly events: EventLog
  readonly dialect: Dialect
  /** Called when a container with `--rm` has exited. */
  readonly onAutoRemove: (id: string) => void
}

/** The simulated process of a running container. */
interface Process {
  timer: unknown
  /** The exit code, if it would have exited while paused; it exits when it is unpaused. */
  owedCode: number | undefined
}

const networks: ReadonlySet<string> = new Set(['default', 'bridge', 'host', 'none'])
const firstRestartDelayMs = 100
const longestRestartDelayMs = 60_000
/** After a process has run this long, its restart delay is reset. */
const steadyMs = 10_000
const defaultGraceMs = 10_000

/** The default stop timeout of a container. */
export function graceMsOf({ config }: Container): number {
  const own = config['StopTimeout']
  return typeof own === 'number' ? own * 1000 : defaultGraceMs
}

/** The state transitions of containers, on request or by themselves. */
export class Lifecycle {
  readonly #parts: LifecycleParts
  readonly #processes = new Map<string, Process>()
  readonly #restartDelays = new Map<string, number>()
  readonly #waiters = new Map<string, Set<(code: number) => void>>()
  #nextPid = 1000

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /** Returns false if it is already running. */
  start(container: Container): boolean {
    const { status } = container
    const isWaiting = status === 'restarting'
    if (status === 'running' || (isWaiting && !this.#parts.dialect.isPodman)) return false
    if (status === 'paused') throw new Refusal(409, 'cannot start a paused container, try unpause instead')
    if (status === 'stopping' || status === 'unknown') {
      throw new Refusal(500, `container ${container.id} must be created or initialized to be started`)
    }
    if (status === 'removing' || status === 'dead') {
      throw new Refusal(409, 'container is marked for removal and cannot be started')
    }
    this.#forgetProcess(container.id)
    this.#run({ ...container, restartCount: 0 })
    return true
  }

  /** Starts it without a request: if it cannot start, it stays as it is and records the error. */
  startUnasked(container: Container): void {
    try {
      this.#run(container)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }

  /** Its process exits by itself; its restart policy applies. */
  exit(id: string, code: number): void {
    const container = this.#parts.store.get(id)
    if (!container || !isAlive(container)) return
    const ended = this.#end(container, code)
    if (!this.#mayRestart(ended)) return this.#settle(ended)
    const ranMs = this.#parts.now() - (ended.startedAtMs ?? 0)
    const before = ranMs >= steadyMs ? undefined : this.#restartDelays.get(id)
    const delayMs = Math.min(longestRestartDelayMs, before === undefined ? firstRestartDelayMs : before * 2)
    this.#restartDelays.set(id, delayMs)
    this.#change(ended, { status: 'restarting' })
    const timer = this.#parts.clock.setTimeout(() => this.#restartBySelf(id), delayMs)
    this.#processes.set(id, { timer, owedCode: undefined })
  }

  kill(container: Container, signal: number, reference = container.id): void {
    const { dialect } = this.#parts
    const isIdle = dialect.isPodman && container.status === 'restarting'
    if (!isAlive(container) || isIdle) throw dialect.killOfStopped(container, reference)
    this.#parts.events.emitOfContainer('kill', container, { signal: String(signal) })
    if (signal === sigkill || container.status === 'restarting') {
      this.#settle(this.#change(this.#end(container, 128 + signal), { wasStopped: true }))
    } else if (politeSignals.has(signal)) this.#askToEnd(container, signal)
  }

  /** Signals the process, and kills it after the grace. Resolves to false if it is not running. */
  async stop(container: Container, graceMs: number): Promise<boolean> {
    const { clock, store, events, dialect } = this.#parts
    const { id } = container
    if (!isAlive(container)) return false
    if (dialect.isPodman && container.status === 'paused') throw stopOfPaused(container)
    if (dialect.isPodman && container.status === 'restarting') {
      this.#change(this.#end(container, container.exitCode), { wasStopped: true })
      return true
    }
    const ended = this.untilEnded(id)
    this.kill(container, sigterm)
    const asked = store.get(id)
    if (dialect.isPodman && asked?.status === 'running') this.#change(asked, { status: 'stopping' })
    const timer = clock.setTimeout(() => {
      const now = store.get(id)
      if (now && isAlive(now)) this.kill(now, sigkill)
    }, graceMs)
    await ended
    clock.clearTimeout(timer)
    const now = store.get(id)
    if (now) events.emitOfContainer('stop', now)
    return true
  }

  pause(container: Container): void {
    if (container.status === 'paused') throw new Refusal(409, `Container ${container.id} is already paused`)
    if (container.status === 'restarting') {
      throw new Refusal(409, `Container ${container.id} is restarting, wait until the container is running`)
    }
    if (container.status !== 'running') throw new Refusal(409, `Container ${container.id} is not running`)
    this.#parts.events.emitOfContainer('pause', this.#change(container, { status: 'paused' }))
  }

  unpause(container: Container): void {
    if (container.status !== 'paused') throw this.#parts.dialect.unpauseOfRunning(container)
    const running = this.#change(container, { status: 'running' })
    this.#parts.events.emitOfContainer('unpause', running)
    const owedCode = this.#processes.get(container.id)?.owedCode
    if (owedCode !== undefined) this.exit(container.id, owedCode)
  }

  /** Kills it regardless of its restart policy and `--rm`: the first step of a forced removal. */
  killForRemoval(container: Container): Container {
    if (!isAlive(container)) return container
    this.#parts.events.emitOfContainer('kill', container, { signal: String(sigkill) })
    return this.#change(this.#end(container, 128 + sigkill), { wasStopped: true })
  }

  /** Ends all processes, when the engine goes down with its containers. */
  endAll(): void {
    for (const container of this.#parts.store.values()) if (isAlive(container)) this.#end(container, 137)
  }

  startAllThatShouldRun(): void {
    for (const container of this.#parts.store.values()) {
      const { name } = container.restartPolicy
      const isMeant = name === 'always' || (name === 'unless-stopped' && !container.wasStopped)
      if (isMeant && container.status === 'exited') this.startUnasked(container)
    }
  }

  /** Resolves with the exit code when the container exits or is removed. */
  untilEnded(id: string): Promise<number> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(id)
      if (waiters) waiters.add(resolve)
      else this.#waiters.set(id, new Set([resolve]))
    })
  }

  noteRemoved(container: Container): void {
    this.#forgetProcess(container.id)
    this.#restartDelays.delete(container.id)
    this.#tellWaiters(container.id, container.exitCode)
  }

  close(): void {
    for (const id of this.#processes.keys()) this.#forgetProcess(id)
  }

  #askToEnd(container: Container, signal: number): void {
    const { codeOnPoliteSignal } = programOf(container.command, container.hostConfig['Init'] === true)
    if (!codeOnPoliteSignal) return
    const process = this.#processes.get(container.id)
    if (container.status !== 'paused') {
      this.#settle(this.#change(this.#end(container, codeOnPoliteSignal(signal)), { wasStopped: true }))
    } else if (process) process.owedCode = codeOnPoliteSignal(signal)
  }

  /** Runs it, or records why it cannot run. */
  #run(container: Container): void {
    const { events, dialect } = this.#parts
    const [path = ''] = container.command
    try {
      for (const kind of ['network', 'pid', 'ipc', 'uts'] as const) this.#checkHolder(container, kind)
      if (!isProgramThere(path)) throw dialect.noSuchProgram(path)
    } catch (refusal) {
      if (refusal instanceof Refusal) this.#rememberFailure(container, refusal)
      throw refusal
    }
    const started = this.#change(container, {
      status: 'running',
      pid: (this.#nextPid += 1),
      startedAtMs: this.#parts.now(),
      exitCode: 0,
      error: '',
      wasStopped: false,
      filesOf: this.#filesOf(container),
    })
    events.emitOfContainer('start', started)
    this.#play(started)
  }

  /** Simulates its program. */
  #play(started: Container): void {
    const { store, clock } = this.#parts
    const program = programOf(started.command, started.hostConfig['Init'] === true)
    const process: Process = { timer: undefined, owedCode: undefined }
    this.#processes.set(started.id, process)
    if (program.endsAfterMs === undefined) return
    process.timer = clock.setTimeout(() => {
      const now = store.get(started.id)
      if (now?.status === 'paused') process.owedCode = program.exitCode
      else this.exit(started.id, program.exitCode)
    }, program.endsAfterMs)
  }

  #rememberFailure(container: Container, { message }: Refusal): void {
    const isThere = isProgramThere(container.command[0] ?? '')
    this.#forgetProcess(container.id)
    this.#change(container, {
      status: container.status === 'restarting' ? 'exited' : container.status,
      // Podman reports this only in the answer
      ...(this.#parts.dialect.isPodman ? {} : { exitCode: isThere ? 128 : 127, error: message }),
      filesOf: isThere ? container.filesOf : this.#filesOf(container),
    })
  }

  /** A guest uses the files of its network's first holder; on Podman each container has its own. */
  #filesOf({ id, networkMode }: Container): string {
    const holderId = holderIn(networkMode)
    const holder = holderId === undefined ? undefined : this.#parts.store.get(holderId)
    return holder && !this.#parts.dialect.isPodman ? (holder.filesOf ?? holder.id) : id
  }

  #checkHolder(container: Container, kind: 'network' | 'pid' | 'ipc' | 'uts'): void {
    const { store, dialect } = this.#parts
    const mode = container[`${kind}Mode`]
    if (kind === 'network' && !mode.startsWith('container:')) {
      if (!networks.has(mode)) throw new Refusal(404, `network ${mode} not found`)
    }
    const reference = holderIn(mode)
    if (reference === undefined) return
    const holder = store.find(reference)
    if (!holder || holder === 'ambiguous') throw dialect.noSuchContainer(reference)
    if (!isAlive(holder)) {
      const what = kind === 'network' ? kind : kind.toUpperCase()
      throw new Refusal(
        dialect.isPodman ? 500 : 409,
        `cannot join ${what} of a non running container: ${holder.id}`,
      )
    }
  }

  #end(container: Container, code: number): Container {
    this.#forgetProcess(container.id)
    // a container that waits for its restart has already died, with an event
    if (container.status === 'restarting') return this.#change(container, { status: 'exited' })
    const ended = this.#change(container, {
      status: 'exited',
      pid: 0,
      exitCode: code,
      finishedAtMs: this.#parts.now(),
    })
    this.#parts.events.emitOfContainer('die', ended, { exitCode: String(code) })
    this.#tellWaiters(container.id, code)
    for (const guest of this.#parts.store.namersOf(ended.id))
      if (this.#diesWith(ended, guest)) this.exit(guest.id, 128 + sigkill)
    return ended
  }

  /** A pid namespace ends with its first process. Without a pid namespace of its own, the whole cgroup is killed. */
  #diesWith(holder: Container, guest: Container): boolean {
    if (guest.status === 'restarting') return false
    if (holderIn(guest.pidMode) === holder.id) return true
    const { isPodman } = this.#parts.dialect
    return !isPodman && holder.pidMode === 'host' && cgroupHolderOf(guest) === holder.id
  }

  #settle(container: Container): void {
    if (container.autoRemove) this.#parts.onAutoRemove(container.id)
  }

  #mayRestart({ restartPolicy: { name, maximumRetryCount }, exitCode, restartCount }: Container): boolean {
    if (name === 'always' || name === 'unless-stopped') return true
    if (name !== 'on-failure' || exitCode === 0) return false
    return maximumRetryCount === 0 || restartCount < maximumRetryCount
  }

  #restartBySelf(id: string): void {
    const container = this.#parts.store.get(id)
    if (container?.status !== 'restarting') return
    this.startUnasked({ ...container, restartCount: container.restartCount + 1 })
  }

  #change(container: Container, change: Partial<Container>): Container {
    const changed: Container = { ...container, ...change }
    this.#parts.store.replace(changed)
    return changed
  }

  #forgetProcess(id: string): void {
    this.#parts.clock.clearTimeout(this.#processes.get(id)?.timer)
    this.#processes.delete(id)
  }

  #tellWaiters(id: string, code: number): void {
    const waiters = this.#waiters.get(id)
    this.#waiters.delete(id)
    for (const resolve of waiters ?? []) resolve(code)
  }
}
