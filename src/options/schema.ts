import {
  backoff,
  choice,
  duration,
  file,
  httpUrl,
  type Kind,
  labelName,
  listOf,
  onOrOff,
  share,
  type TextKind,
  textOf,
  wholeNumber,
} from './kinds.ts'
import { beforeRemove, engine, inspect, logger, trackedThing } from './objects.ts'
import { ownerLabel } from './owner-label.ts'
import { sessionStore } from './session-store.ts'

/** One option. Its flag, variable, key and documentation are generated from this entry. */
interface Option<TKind extends Kind<unknown, '' | 'Ms'>> {
  readonly kind: TKind
  /** What it does, in sentences. Names of options and values are in backquotes. */
  readonly description: string
  /** The default, in the form in which a caller would give it. */
  readonly default?: unknown
  /** The default in words, if it is not a value. */
  readonly without?: string
  readonly isRequired?: true
  /** The name of its flag, variable and key, if it is not the option's own. `false`: not an option of the command. */
  readonly flag?: string | false
  /** The only commands that act on it. `flotsam config` shows it, and others refuse its flag. */
  readonly commands?: readonly string[]
}

/** The states in which a container can be removed. */
export const coverableStates = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
export type CoverableState = (typeof coverableStates)[number]

/** A shorter period, or delay between attempts, would keep an engine busy with listings alone. */
const shortestDelay = '100ms'
const defaultBackoff = { min: '1s', max: '60s' } as const

/**
 * The options of the library, in the order in which they are documented. Those whose kind can be parsed from text are
 * also options of the command, under the same name.
 */
export const options = {
  owner: {
    kind: ownerLabel(),
    description:
      "The label that marks the agent's containers, with this agent's own value. Each agent on an engine needs a different value: a fixed one, or that of a `session`. `anyValue: true`, or `KEY=*`, accepts any value. With `--sessions` it is `KEY` alone. Required without `preset`.",
  },
  preset: {
    kind: choice('NAME', ['nomad']),
    description:
      '`nomad`: the containers of a Nomad client. `owner` is then an additional label that they must have.',
  },
  tracked: {
    kind: trackedThing,
    description:
      'The containers that the agent tracks: a `Map` or a `Set` with full container ids as keys, or an object with `has(id)` and optionally `ready()`.',
    isRequired: true,
  },
  engine: {
    kind: engine,
    description:
      'The engine: `unix:///path`, `tcp://host:port`, `ssh://user@host` or `npipe:////./pipe/name`; in the library also a Dockerode instance.',
    without: '`DOCKER_HOST`, else the current docker context, else the local socket',
    flag: 'host',
  },
  enabled: {
    kind: onOrOff(),
    description: 'With `false`, `start()` does nothing.',
    default: true,
    // Useless for the command: a disabled `run` would do nothing, and a disabled `sweep` would never end.
    flag: false,
  },
  dryRun: {
    kind: onOrOff(),
    description: 'Evaluates and reports; cannot remove.',
    default: false,
  },
  period: {
    kind: duration(shortestDelay),
    description:
      'The time between two scans when nothing triggers an earlier one. It varies: each period is up to a tenth shorter, so that several reconcilers do not scan at the same time.',
    default: '5m',
  },
  creationGrace: {
    kind: duration('1ms'),
    description: 'How long a new container may stay unregistered. Under `10s` only with `allowShortGrace`.',
    default: '5m',
  },
  restoreGrace: {
    kind: duration(),
    description:
      'How long after the start nothing is removed, so that a restarted agent can restore its tasks.',
    default: '5m',
  },
  releaseGrace: {
    kind: duration(),
    description: 'How long the agent may take to remove a container itself after it stopped tracking it.',
    default: '30s',
  },
  recoveryGrace: {
    kind: duration('1ms'),
    description:
      'How long nothing is removed after an outage of the engine or a stall of this process. At most `creationGrace`. Under `10s` only with `allowShortGrace`.',
    default: '30s',
  },
  sessionGrace: {
    kind: duration(),
    description:
      'How long the lease of another session must have been gone before its containers are removed. Only for an owner with `session` or `leases`.',
    default: '1m',
  },
  allowShortGrace: {
    kind: onOrOff(),
    description: 'Allows a `creationGrace` and a `recoveryGrace` under `10s`, for tests and demonstrations.',
    default: false,
  },
  states: {
    kind: listOf('CoverableState', 'STATES', coverableStates),
    description: 'The states in which a container may be removed. Containers in other states are spared.',
    default: ['created', 'running', 'paused', 'restarting', 'dead'],
  },
  orchestrated: {
    kind: onOrOff(),
    description:
      'Also removes containers that an orchestrator manages: Swarm, Kubernetes, systemd units of Podman.',
    default: false,
  },
  keepLabel: {
    kind: labelName(),
    description: 'A container with this label is never removed, unless the value is `false`.',
    default: 'flotsam.keep',
  },
  events: {
    kind: onOrOff(),
    description:
      "Follows the engine's events. They only trigger earlier scans; without them changes are found at the next scan.",
    default: true,
  },
  filterListing: {
    kind: onOrOff(),
    description:
      "Lets the engine filter listings by the owner's label, for hosts with very many foreign containers. Filtered scans only find candidates; removals need an unfiltered scan.",
    default: false,
  },
  self: {
    kind: textOf(
      'ID|NAME',
      'it must be a container id of at least 12 digits, or a container name',
      (text) => /^\/?[a-zA-Z0-9][\w.-]*$/.test(text) && (text.length >= 12 || !/^[0-9a-f]+$/.test(text)),
    ),
    description:
      'The container that the agent runs in, which is never removed: its name, its id, or at least the first 12 digits of its id.',
    without: 'detected',
  },
  backoff: {
    kind: backoff(defaultBackoff, shortestDelay),
    description:
      'The delay between attempts while the engine is down: doubled from `min` up to `max`, with jitter.',
    default: defaultBackoff,
  },
  removeVolumes: {
    kind: onOrOff(),
    description:
      "Removes a container's anonymous volumes with it. Named volumes are never removed. On Podman anonymous volumes are removed only if all of them were created with the container.",
    default: true,
  },
  stopTimeout: {
    // A timer of Node lasts at most 24 days, and the deadline of the request is longer than this timeout.
    kind: duration('0s', '24h'),
    description: 'How long a container may take to exit after SIGTERM. With `0s` it is killed at once.',
    default: '0s',
  },
  maxConcurrentRemovals: {
    kind: wholeNumber(1, 20),
    description:
      "How many removals may run at the same time. Each one more slows down the host's own use of the engine; more than 4 gain nothing.",
    default: 2,
  },
  maxRemovalsPerScan: {
    kind: wholeNumber(1, 10_000),
    description: 'How many removals one scan may cause. The next scan begins when a quarter of them is left.',
    default: 50,
  },
  maxDanglingShare: {
    kind: share(),
    description: 'Removes nothing while more than this share of the owned containers is dangling.',
    without: 'no limit',
  },
  beforeRemove: {
    kind: beforeRemove,
    description:
      'Called before each removal. `false`, a throw, or no answer within a minute spares the container.',
  },
  logger: {
    kind: logger,
    description:
      'Receives the log lines: a pino logger, or an object with its methods `debug`, `info`, `warn` and `error`, called as `(fields, message)`.',
    without: 'silent',
  },
  inspect: {
    kind: inspect,
    description: "XState's inspection callback or observer.",
  },
} as const satisfies Readonly<Record<string, Option<Kind<unknown, '' | 'Ms'>>>>

const judging = ['run', 'scan', 'sweep', 'explain'] as const

/** The command's own settings: the tracker, the sessions, and its output. */
export const commandOptions = {
  tracked: {
    kind: file(),
    description:
      'A file with the full ids of the tracked containers, one per line, and the last line `end`. While it is missing or invalid, nothing is removed. `flotsam track` writes it.',
    commands: judging,
  },
  trackedUrl: {
    kind: httpUrl(),
    description: 'An HTTP endpoint that returns the full ids of the tracked containers as a JSON array.',
    commands: judging,
  },
  nothingTracked: {
    kind: onOrOff(),
    description: 'Treats every container with the label as untracked.',
    commands: judging,
  },
  sessions: {
    kind: sessionStore(),
    description:
      'The store of the sessions that containers with the label belong to: a directory with their sockets, or a Redis server. `owner` is then `KEY` without a value. Without a tracker nothing is tracked.',
  },
  logLevel: {
    kind: choice('LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    description: 'The lowest level that is logged. Commands other than `run` log nothing without it.',
    default: 'info',
  },
  record: {
    kind: file(),
    description:
      'Records every event of the run in this file, for `flotsam replay`. A file that has a recording is continued.',
    commands: ['run'],
  },
  crashFile: {
    kind: file(),
    description:
      'Where `flotsam run` leaves a snapshot of its containers if it crashes, for `flotsam replay`.',
    commands: ['run'],
  },
} as const satisfies Readonly<Record<string, Option<TextKind<unknown>>>>
