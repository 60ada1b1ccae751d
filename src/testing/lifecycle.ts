import type { Clock } from '../clock.ts'
import type { EventLog } from './events.ts'
import { isAlive, type Container } from './model.ts'
import { politeSignals, programOf, sigkill, sigterm } from './programs.ts'
import { Refusal } from './refusal.ts'
import type { ContainerStore } from './store.ts'

export interface LifecycleParts {
  readonly clock: Clock
  /** The engine's wall clock. */
  readonly now: () => number
  readonly store: ContainerStore
  readonly events: EventLog
  /** A container with `--rm` has ended. */
  readonly onAutoRemove: (id: string) => void
}

/** What runs in a container while it runs. */
interface Process {
  timer: unknown
  /** Would have ended while it was paused; does so when it is let on. */
  owedCode: number | undefined
}

const networks: ReadonlySet<string> = new Set(['default', 'bridge', 'host', 'none'])
const firstRestartDelayMs = 100
const longestRestartDelayMs = 60_000
/** A process that ran this long has earned a quick restart again. */
const steadyMs = 10_000

/** How a container goes from one state to another by itself or because somebody asked. */
export class Lifecycle {
  readonly #parts: LifecycleParts
  readonly #processes = new Map<string, Process>()
  readonly #restartDelays = new Map<string, number>()
  readonly #waiters = new Map<string, Set<(code: number) => void>>()
  #nextPid = 1000

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /** Returns false when it was running already. */
  start(container: Container): boolean {
    const { store, events } = this.#parts
    const { status, networkMode } = container
    if (status === 'running' || status === 'restarting') return false
    if (status === 'paused') throw new Refusal(409, 'cannot start a paused container, try unpause instead')
    if (status === 'removing' || status === 'dead') {
      throw new Refusal(409, 'container is marked for removal and cannot be started')
    }
    this.#checkNetwork(networkMode)
    const started = this.#change(container, {
      status: 'running',
      pid: (this.#nextPid += 1),
      startedAtMs: this.#parts.now(),
      exitCode: 0,
      error: '',
      wasStopped: false,
    })
    events.emitOfContainer('start', started)
    const program = programOf(started.command, started.hostConfig['Init'] === true)
    const process: Process = { timer: undefined, owedCode: undefined }
    this.#processes.set(started.id, process)
    if (program.endsAfterMs !== undefined) {
      process.timer = this.#parts.clock.setTimeout(() => {
        const now = store.get(started.id)
        if (now?.status === 'paused') process.owedCode = program.exitCode
        else this.exit(started.id, program.exitCode)
      }, program.endsAfterMs)
    }
    return true
  }

  /** Its process ends by itself; a restart policy may bring it back. */
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

  kill(container: Container, signal: number): void {
    if (!isAlive(container)) throw new Refusal(409, `Container ${container.id} is not running`)
    this.#parts.events.emitOfContainer('kill', container, { signal: String(signal) })
    if (signal === sigkill || container.status === 'restarting') {
      this.#settle(this.#change(this.#end(container, 128 + signal), { wasStopped: true }))
    } else if (politeSignals.has(signal)) this.#askToEnd(container, signal)
  }

  /** Asks the process to end, and kills it after the grace. Resolves to false when it was not running. */
  async stop(container: Container, graceMs: number): Promise<boolean> {
    if (!isAlive(container)) return false
    const { id } = container
    const ended = this.untilEnded(id)
    this.kill(container, sigterm)
    const { clock, store, events } = this.#parts
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
    if (container.status !== 'paused') throw new Refusal(500, `Container ${container.id} is not paused`)
    const running = this.#change(container, { status: 'running' })
    this.#parts.events.emitOfContainer('unpause', running)
    const owedCode = this.#processes.get(container.id)?.owedCode
    if (owedCode !== undefined) this.exit(container.id, owedCode)
  }

  /** Kills it, whatever its restart policy and `--rm` say: the first step of a forced removal. */
  killForRemoval(container: Container): Container {
    if (!isAlive(container)) return container
    this.#parts.events.emitOfContainer('kill', container, { signal: String(sigkill) })
    return this.#change(this.#end(container, 128 + sigkill), { wasStopped: true })
  }

  /** The engine went down and took its containers along, or is coming up again. */
  endAll(): void {
    for (const container of this.#parts.store.values()) if (isAlive(container)) this.#end(container, 137)
  }

  startAllThatShouldRun(): void {
    for (const container of this.#parts.store.values()) {
      const { name } = container.restartPolicy
      const isMeant = name === 'always' || (name === 'unless-stopped' && !container.wasStopped)
      if (isMeant && container.status === 'exited') this.start(container)
    }
  }

  /** Resolves with the exit code when the container ends or is removed. */
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

  #checkNetwork(mode: string): void {
    if (networks.has(mode)) return
    if (!mode.startsWith('container:')) throw new Refusal(404, `network ${mode} not found`)
    const reference = mode.slice('container:'.length)
    const holder = this.#parts.store.find(reference)
    if (!holder || holder === 'ambiguous') throw new Refusal(404, `No such container: ${reference}`)
    if (!isAlive(holder))
      throw new Refusal(409, `cannot join network of a non running container: ${holder.id}`)
  }

  #end(container: Container, code: number): Container {
    this.#forgetProcess(container.id)
    // one that waits for its restart has died before, and that was told
    if (container.status === 'restarting') return this.#change(container, { status: 'exited' })
    const ended = this.#change(container, {
      status: 'exited',
      pid: 0,
      exitCode: code,
      finishedAtMs: this.#parts.now(),
    })
    this.#parts.events.emitOfContainer('die', ended, { exitCode: String(code) })
    this.#tellWaiters(container.id, code)
    return ended
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
    this.start(this.#change(container, { status: 'exited', restartCount: container.restartCount + 1 }))
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
    for (const tell of waiters ?? []) tell(code)
  }
}
