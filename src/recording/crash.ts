import type { StateValue } from 'xstate'
import { containerMachine } from '../../machines/container.machine.ts'
import { supervisorMachine } from '../../machines/supervisor.machine.ts'
import { plainError } from '../inspector/plain.ts'
import { shownFactsOf } from '../inspector/present.ts'
import {
  type ChartName,
  type CrashedActor,
  type Facts,
  isMeant,
  noSuchContainer,
  recordable,
} from './format.ts'
import type { Header } from './header.ts'
import type { Entry } from './read.ts'

/** What a crash snapshot holds. */
export interface Crash extends Header {
  /** Undefined if one container was asked for, or if its line is missing. */
  readonly supervisor: CrashedActor | undefined
  readonly containers: readonly CrashedActor[]
  /** The numbers of lines that were cut off and left out. */
  readonly cut: readonly number[]
}

/**
 * Collects what follows the header of a crash snapshot.
 *
 * @throws ArgumentError where no container is the one that was named
 */
export async function readCrash(
  header: Header,
  entries: AsyncIterable<Entry>,
  { name, only }: { readonly name: string; readonly only?: string | undefined },
): Promise<Crash> {
  const actors: CrashedActor[] = []
  const cut: number[] = []
  for await (const entry of entries) {
    if (entry.kind === 'actor') actors.push(entry.actor)
    else if (entry.kind === 'cut') cut.push(entry.line)
  }
  const containers = actors.filter(
    ({ chart, context }) =>
      chart === 'container' && (only === undefined || isMeant(only, context['id'], nameIn(context))),
  )
  if (only !== undefined && containers.length === 0) throw noSuchContainer(name, only)
  const supervisor = only === undefined ? actors.find(({ chart }) => chart === 'supervisor') : undefined
  return { ...header, supervisor, containers, cut }
}

function nameIn({ listed }: Facts): unknown {
  return (listed as { readonly name?: unknown } | undefined)?.name
}

/** An actor as XState persists it. */
interface Persisted {
  readonly value?: StateValue
  readonly context?: Facts
  readonly error?: unknown
  readonly children?: Readonly<Record<string, { readonly snapshot: Persisted }>>
}

const configs: Readonly<Record<ChartName, object>> = {
  supervisor: supervisorMachine.config,
  container: containerMachine.config,
}

/** The supervisor and its containers, from the supervisor's persisted snapshot. */
export function* crashedActors(persisted: object): Generator<CrashedActor> {
  const supervisor = persisted as Persisted
  yield crashedActor('supervisor', 'supervisor', supervisor)
  const containers = supervisor.children?.['fleet']?.snapshot.children ?? {}
  for (const [name, { snapshot }] of Object.entries(containers))
    yield crashedActor('container', name, snapshot)
}

function crashedActor(chart: ChartName, name: string, { context, error, value }: Persisted): CrashedActor {
  const facts = shownFactsOf(configs[chart]) ?? []
  return {
    name,
    chart,
    state: value ?? {},
    context: Object.fromEntries(facts.map((fact) => [fact, recordable(context?.[fact])])),
    ...(error !== undefined && { error: plainError(error) }),
  }
}
