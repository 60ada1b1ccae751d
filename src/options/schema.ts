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
import { ownerLabel } from './owner-label.ts'
import { beforeRemove, engine, inspect, logger, trackedThing } from './things.ts'

/** One option. Everything else that says something of it is made from this. */
interface Option<TKind extends Kind<unknown, '' | 'Ms'>> {
  readonly kind: TKind
  /** What it does, in sentences. Names of options and values stand in backquotes. */
  readonly description: string
  /** What holds where nothing is given, as it would be given. */
  readonly default?: unknown
  /** The same in words, where it is no value. */
  readonly without?: string
  readonly isRequired?: true
  /** The name of its flag, variable and key where that is another one; false: the command has none. */
  readonly flag?: string | false
}

/** The states that a container can be removed in. */
export const coverableStates = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
export type CoverableState = (typeof coverableStates)[number]

/** A shorter period, or pause between attempts, keeps an engine busy with nothing but listings. */
const shortestPause = '100ms'
const usualBackoff = { min: '1s', max: '60s' } as const

/**
 * The options of the library, in the order in which they are documented. Those whose kind is read from a text are the
 * command's as well, under the same name.
 */
export const options = {
  owner: {
    kind: ownerLabel(),
    description:
      "The label that marks the agent's containers, with this agent's own value. Another agent on the same engine must use another value. Any value counts only where that is said: `anyValue: true`, or `KEY=*`. Required without `preset`.",
  },
  preset: {
    kind: choice('NAME', ['nomad']),
    description:
      '`nomad`: the containers of a Nomad client. `owner` is then a further label that they must have.',
  },
  tracked: {
    kind: trackedThing,
    description:
      'What the agent knows: anything with `has(id)`, such as a `Map` or a `Set` of full container ids, and optionally `ready()`.',
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
    // A command that shall do nothing is not started, and a sweep would wait for what never happens.
    flag: false,
  },
  dryRun: {
    kind: onOrOff(),
    description: 'Evaluates and reports; cannot remove.',
    default: false,
  },
  period: {
    kind: duration(shortestPause),
    description:
      'How often the engine is scanned when nothing asks for an earlier scan. Each is up to a tenth shorter, so that many reconcilers do not scan together.',
    default: '5m',
  },
  creationGrace: {
    kind: duration('1ms'),
    description: 'How long a new container may live unregistered. Under `10s` only with `allowShortGrace`.',
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
      'How long nothing is removed after an outage of the engine or a stall of this process. Never more than `creationGrace`. Under `10s` only with `allowShortGrace`.',
    default: '30s',
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
      'Also removes containers that an orchestrator keeps: Swarm, Kubernetes, systemd units of Podman.',
    default: false,
  },
  keepLabel: {
    kind: labelName(),
    description: 'A container with this label, and any value but `false`, is never removed.',
    default: 'flotsam.keep',
  },
  events: {
    kind: onOrOff(),
    description:
      "Follows the engine's events, which only ask for earlier scans. Without them everything happens at the next scan.",
    default: true,
  },
  filterListing: {
    kind: onOrOff(),
    description:
      "Lets the engine filter listings by the owner's label, for hosts with very many foreign containers. Filtered scans find; only an unfiltered scan removes.",
    default: false,
  },
  self: {
    kind: textOf(
      'ID|NAME',
      'it must be a container id of at least 12 digits, or a container name',
      (text) => /^\/?[a-zA-Z0-9][\w.-]*$/.test(text) && (text.length >= 12 || !/^[0-9a-f]+$/.test(text)),
    ),
    description:
      'The container that the agent runs in, which is never removed: its id, the first 12 digits of that or more, or its name.',
    without: 'detected',
  },
  backoff: {
    kind: backoff(usualBackoff, shortestPause),
    description:
      'The pause between attempts while the engine is down: doubled from `min` up to `max`, with jitter.',
    default: usualBackoff,
  },
  removeVolumes: {
    kind: onOrOff(),
    description:
      "Removes a container's anonymous volumes with it. Named volumes are never removed, and on Podman none that was there before the container.",
    default: true,
  },
  stopTimeout: {
    // Timers take no more than 24 days, and the engine's own deadline comes on top.
    kind: duration('0s', '24h'),
    description:
      "How long a container may take to end after SIGTERM. With `0s` it is killed at once, on Podman after the container's own time to stop.",
    default: '0s',
  },
  maxConcurrentRemovals: {
    kind: wholeNumber(1, 20),
    description:
      "Removals at the same time. Each further one slows down the host's own work with the engine; more than 4 gain nothing.",
    default: 2,
  },
  maxRemovalsPerScan: {
    kind: wholeNumber(1, 10_000),
    description: 'Removals that one scan may lead to. The next scan begins when a quarter of them is left.',
    default: 50,
  },
  maxDanglingShare: {
    kind: share(),
    description: 'Removes nothing while more than this share of the owned containers dangles.',
    without: 'no limit',
  },
  beforeRemove: {
    kind: beforeRemove,
    description:
      'Asked before each removal. `false`, a throw, or no answer within a minute spares the container.',
  },
  logger: {
    kind: logger,
    description:
      'Where log lines go: a pino logger, or anything with its methods `debug`, `info`, `warn` and `error`, called as `(fields, message)`.',
    without: 'silent',
  },
  inspect: {
    kind: inspect,
    description: "XState's inspection callback or observer.",
  },
} as const satisfies Readonly<Record<string, Option<Kind<unknown, '' | 'Ms'>>>>

/** The command's own settings: the tracker, and its output. */
export const commandOptions = {
  tracked: {
    kind: file(),
    description:
      'A file of the full ids that the agent knows, one a line, and a last line `end`. While it is missing or invalid nothing is removed. Keep it with `flotsam track`.',
  },
  trackedUrl: {
    kind: httpUrl(),
    description: 'An HTTP endpoint that answers with a JSON array of the full ids that the agent knows.',
  },
  nothingTracked: {
    kind: onOrOff(),
    description: 'Treats every container with the label as untracked.',
  },
  logLevel: {
    kind: choice('LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    description: 'How much to log. Commands other than `run` log nothing without it.',
    default: 'info',
  },
} as const satisfies Readonly<Record<string, Option<TextKind<unknown>>>>
