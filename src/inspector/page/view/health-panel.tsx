import type { ComponentChildren } from 'preact'
import { tookText } from '../model/duration.ts'
import type { Failure, Scan, Streak, Supervisor } from '../model/flotsam.ts'
import type { Store } from '../store.ts'
import { Ago } from './time.tsx'

const healthWords = { up: 'up', down: 'down', unknown: 'unknown' } as const

/** The health of the engine, and the result of the last scan. */
export function HealthPanel({ store }: { readonly store: Store }) {
  const system = store.system.value
  if (!system?.supervisor) return null
  const { root, supervisor } = system
  const { health, lastScan, streaks } = supervisor
  const isRunning = supervisor.phase === 'running'
  return (
    <section class="health" aria-label="Engine health" data-health={isRunning ? health : 'unknown'}>
      <Fact name="Engine">
        <strong class="badge" data-health={isRunning ? health : 'unknown'} data-testid="health">
          {isRunning ? healthWords[health] : 'not watched'}
        </strong>
        <span class="quiet" data-testid="watching">
          {watchingText(supervisor, root.snapshot.status)}
        </span>
      </Fact>
      <Fact name="Last scan">{lastScan ? <LastScan store={store} scan={lastScan} /> : 'none yet'}</Fact>
      {lastScan && <Counts scan={lastScan} />}
      <Degradations supervisor={supervisor} streaks={streaks} />
    </section>
  )
}

function watchingText({ phase, followsEvents, isScanning }: Supervisor, status: string): string {
  if (phase !== 'running') return phase === '' ? status : `supervisor ${phase}`
  return [isScanning ? 'scanning' : 'idle', followsEvents ? 'follows events' : undefined]
    .filter((part) => part !== undefined)
    .join(', ')
}

function LastScan({ store, scan }: { readonly store: Store; readonly scan: Scan }) {
  return (
    <>
      <span data-testid="scan-number">#{scan.number}</span>{' '}
      <span>
        <Ago store={store} since={scan.endedAt} /> ago
      </span>
      <span class="quiet"> took {tookText(scan.durationMs)}</span>
    </>
  )
}

const countNames = ['listed', 'owned', 'tracked', 'graced', 'dangling', 'spared'] as const

function Counts({ scan }: { readonly scan: Scan }) {
  return (
    <dl class="counts" aria-label="Result of the last scan">
      {countNames.map((name) => (
        <div key={name} data-count={name} data-none={scan.counts[name] === 0}>
          <dt>{name}</dt>
          <dd>{scan.counts[name]}</dd>
        </div>
      ))}
    </dl>
  )
}

function Degradations({
  supervisor: { failure, failedScans },
  streaks,
}: {
  readonly supervisor: Supervisor
  readonly streaks: readonly Streak[]
}) {
  const others = streaks.filter(({ message }) => message !== failure?.message)
  if (!failure && failedScans === 0 && others.length === 0) return null
  return (
    <ul class="degradations" aria-label="Degradations">
      {(failure || failedScans > 0) && (
        <li data-testid="engine-failure">
          {failedScans > 0 && (
            <strong>
              {failedScans} failed {failedScans === 1 ? 'scan' : 'scans'}
            </strong>
          )}{' '}
          {failure && failureText(failure)}
        </li>
      )}
      {others.map((streak) => (
        <li key={streak.about}>
          <strong>
            {streak.about} ×{streak.count}
          </strong>{' '}
          {failureText(streak)}
        </li>
      ))}
    </ul>
  )
}

function failureText({ kind, message }: Failure): string {
  return kind === undefined ? message : `${kind}: ${message}`
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <span class="fact-name">{name}</span>
      <span class="fact-value">{children}</span>
    </div>
  )
}
