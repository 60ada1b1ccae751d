import type { ComponentChildren } from 'preact'

import { tookText } from '../model/duration.ts'
import type { Failure, Look, Streak, Supervisor } from '../model/flotsam.ts'
import type { Store } from '../store.ts'
import { Ago } from './time.tsx'

const healthWords = { up: 'up', down: 'down', unknown: 'unknown' } as const

/** How the engine is, and what the last look at it has found. */
export function HealthPanel({ store }: { readonly store: Store }) {
  const system = store.system.value
  if (!system?.supervisor) return null
  const { root, supervisor } = system
  const { health, lastLook, streaks } = supervisor
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
      <Fact name="Last look">{lastLook ? <LastLook store={store} look={lastLook} /> : 'none yet'}</Fact>
      {lastLook && <Counts look={lastLook} />}
      <Troubles supervisor={supervisor} streaks={streaks} />
    </section>
  )
}

function watchingText({ phase, followsEvents, isLooking }: Supervisor, status: string): string {
  if (phase !== 'running') return phase === '' ? status : `supervisor ${phase}`
  return [isLooking ? 'looking' : 'idle', followsEvents ? 'follows events' : undefined]
    .filter((part) => part !== undefined)
    .join(', ')
}

function LastLook({ store, look }: { readonly store: Store; readonly look: Look }) {
  return (
    <>
      <span data-testid="look-number">#{look.number}</span>{' '}
      <span>
        <Ago store={store} since={look.endedAt} /> ago
      </span>
      <span class="quiet"> took {tookText(look.durationMs)}</span>
    </>
  )
}

const countNames = ['listed', 'owned', 'tracked', 'graced', 'dangling', 'spared'] as const

function Counts({ look }: { readonly look: Look }) {
  return (
    <dl class="counts" aria-label="What the last look has found">
      {countNames.map((name) => (
        <div key={name} data-count={name} data-none={look.counts[name] === 0}>
          <dt>{name}</dt>
          <dd>{look.counts[name]}</dd>
        </div>
      ))}
    </dl>
  )
}

function Troubles({
  supervisor: { failure, failedLooks },
  streaks,
}: {
  readonly supervisor: Supervisor
  readonly streaks: readonly Streak[]
}) {
  const others = streaks.filter(({ message }) => message !== failure?.message)
  if (!failure && failedLooks === 0 && others.length === 0) return null
  return (
    <ul class="troubles" aria-label="Troubles">
      {(failure || failedLooks > 0) && (
        <li data-testid="engine-failure">
          {failedLooks > 0 && (
            <strong>
              {failedLooks} failed {failedLooks === 1 ? 'look' : 'looks'}
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
