import { describe, expect, test } from 'vitest'
import { eventNames, type UnstampedEvent } from '../../src/domain/events.ts'
import type { LogLevel } from '../../src/domain/logger.ts'
import { lineOf } from '../../src/report/log-line.ts'

const web = { id: 'c0ffeec0ffee0123456789', name: 'web', image: 'nginx:1' }
const nameless = { ...web, name: '' }
const refused = { kind: 'refused', message: 'device or resource busy' } as const
const silent = { kind: 'timed-out', message: 'no answer within 10s' } as const
const counts = { tracked: 1, graced: 2, dangling: 3, spared: 4 }

const rows: readonly [UnstampedEvent, LogLevel, string][] = [
  [
    { type: 'started', engine: 'unix:///run/docker.sock', dryRun: false },
    'info',
    'watching unix:///run/docker.sock',
  ],
  [
    { type: 'started', engine: 'tcp://build:2376', dryRun: true },
    'info',
    'watching tcp://build:2376 in a dry run: nothing will be removed',
  ],
  [{ type: 'discovered', ...web, state: 'running' }, 'debug', 'web (c0ffeec0ffee) is new (running)'],
  [{ type: 'discovered', ...nameless, state: 'exited' }, 'debug', 'c0ffeec0ffee is new (exited)'],
  [
    { type: 'classified', ...web, verdict: 'graced', reason: 'creation-grace', dryRun: false },
    'debug',
    'web (c0ffeec0ffee) is graced: creation-grace',
  ],
  [
    { type: 'classified', ...web, verdict: 'dangling', reason: 'untracked', dryRun: false },
    'debug',
    'web (c0ffeec0ffee) is dangling: untracked',
  ],
  [
    { type: 'classified', ...web, verdict: 'dangling', reason: 'untracked', dryRun: true },
    'info',
    'would remove web (c0ffeec0ffee): untracked (dry run)',
  ],
  [
    { type: 'classified', ...web, verdict: 'tracked', reason: 'tracked', dryRun: true },
    'debug',
    'web (c0ffeec0ffee) is tracked: tracked',
  ],
  [{ type: 'spared', ...web, reason: 'keep-label' }, 'debug', 'web (c0ffeec0ffee) is spared: keep-label'],
  [
    { type: 'spared', ...web, name: '0123456789ab-infra', reason: 'infra-container' },
    'debug',
    '0123456789ab-infra (c0ffeec0ffee) is spared: infra-container; to remove it, remove its pod: podman pod rm 0123456789ab',
  ],
  [
    { type: 'removed', ...web, wasTracked: false, confirmedBy: 'answer', failures: 0 },
    'info',
    'removed web (c0ffeec0ffee)',
  ],
  [
    { type: 'removed', ...nameless, wasTracked: true, confirmedBy: 'scan', failures: 2 },
    'info',
    'removed c0ffeec0ffee',
  ],
  [
    { type: 'removeFailed', ...web, ...refused, failures: 2, retryInMs: 5000 },
    'debug',
    'could not remove web (c0ffeec0ffee): device or resource busy; retrying in 5s',
  ],
  [
    { type: 'stuck', ...web, ...refused, failures: 4 },
    'warn',
    'web (c0ffeec0ffee) is stuck after 4 attempts: device or resource busy; retried with increasing backoff',
  ],
  [{ type: 'vanished', ...web }, 'debug', 'web (c0ffeec0ffee) is gone; it was removed by something else'],
  [{ type: 'released', ...web }, 'info', 'web (c0ffeec0ffee) is no longer owned'],
  [{ type: 'lost', ...web, how: 'exited' }, 'warn', 'the agent tracks web (c0ffeec0ffee), which has exited'],
  [{ type: 'lost', ...web, how: 'vanished' }, 'warn', 'the agent tracks web (c0ffeec0ffee), which is gone'],
  [
    { type: 'scanned', ...counts, beganAt: 1, endedAt: 2, durationMs: 1, listed: 25, owned: 10 },
    'debug',
    'scanned: 10 of 25 containers are owned, 3 dangling',
  ],
  [
    { type: 'sparedTotals', spared: 4, reasons: { 'state-not-covered': 3, 'keep-label': 1 } },
    'info',
    '4 containers are spared: 3 state-not-covered, 1 keep-label',
  ],
  [
    { type: 'sparedTotals', spared: 1, reasons: { 'keep-label': 1 } },
    'info',
    '1 container is spared: 1 keep-label',
  ],
  [{ type: 'sparedTotals', spared: 0, reasons: {} }, 'info', 'no container is spared any more'],
  [
    { type: 'scanFailed', ...silent, failures: 1, durationMs: 10_000 },
    'debug',
    'scan failed after 10s (timed-out), 1 failure in a row: no answer within 10s',
  ],
  [{ type: 'engineDown', ...silent }, 'warn', 'the engine does not answer: no answer within 10s'],
  [
    { type: 'engineDown', kind: 'misconfigured', message: 'permission denied' },
    'warn',
    'the engine denies access: permission denied',
  ],
  [
    { type: 'engineDown', kind: 'invalid-answer', message: 'the answer is a web page' },
    'warn',
    'the engine returns no usable answer: the answer is a web page',
  ],
  [
    { type: 'engineDown', kind: 'refused', message: 'layer does not exist' },
    'warn',
    'the engine returns no usable answer: layer does not exist',
  ],
  [
    { type: 'engineStillDown', ...silent, failures: 9, downForMs: 241_000 },
    'warn',
    'the engine does not answer, for 4m1s and 9 attempts: no answer within 10s',
  ],
  [
    {
      type: 'engineStillDown',
      kind: 'misconfigured',
      message: 'permission denied',
      failures: 1,
      downForMs: 60_000,
    },
    'warn',
    'the engine denies access, for 1m and 1 attempt: permission denied',
  ],
  [
    { type: 'engineUp', failures: 1, downForMs: 1500 },
    'info',
    'the engine answers again after 1.5s and 1 failed attempt',
  ],
  [
    { type: 'engineUp', failures: 12, downForMs: 3_600_000 },
    'info',
    'the engine answers again after 1h and 12 failed attempts',
  ],
  [
    { type: 'degraded', about: 'tracker', kind: 'tracker-failed', message: 'boom' },
    'warn',
    'what the agent tracks is unknown, so nothing is removed: boom',
  ],
  [
    { type: 'degraded', about: 'hook', kind: 'hook-failed', message: 'boom' },
    'warn',
    'beforeRemove failed, so the container is spared: boom',
  ],
  [
    { type: 'degraded', about: 'image', kind: 'gone', message: 'no such image' },
    'warn',
    'an image could not be inspected, so its containers are spared: no such image',
  ],
  [
    { type: 'degraded', about: 'removal', kind: 'refused', message: 'web: busy' },
    'warn',
    'a removal failed: web: busy',
  ],
  [
    { type: 'degraded', about: 'fault', kind: 'fault', message: 'scan: boom' },
    'warn',
    'internal error recovered: scan: boom',
  ],
  [
    {
      type: 'stillDegraded',
      about: 'removal',
      kind: 'refused',
      message: 'web: busy',
      count: 7,
      lastedMs: 120_000,
    },
    'warn',
    'a removal failed, 7 times in 2m: web: busy',
  ],
  [
    { type: 'recovered', about: 'tracker', kind: 'tracker-failed', count: 1, lastedMs: 300 },
    'info',
    'the tracker answers again after 300ms and 1 failure',
  ],
  [
    { type: 'recovered', about: 'removal', kind: 'refused', count: 3, lastedMs: 61_000 },
    'info',
    'removals succeed again after 1m1s and 3 failures',
  ],
  [
    { type: 'recovered', about: 'hook', kind: 'hook-failed', count: 2, lastedMs: 1000 },
    'info',
    'beforeRemove answers again after 1s and 2 failures',
  ],
  [
    { type: 'recovered', about: 'image', kind: 'gone', count: 2, lastedMs: 1000 },
    'info',
    'images can be inspected again after 1s and 2 failures',
  ],
  [
    { type: 'recovered', about: 'fault', kind: 'fault', count: 2, lastedMs: 1000 },
    'info',
    'no further internal errors after 1s and 2 failures',
  ],
  [
    { type: 'stalled', stalledMs: 90_000, recoveryMs: 30_000, isRepeat: false },
    'info',
    'this process or its clock stalled for 1m30s; nothing is removed for 30s',
  ],
  [{ type: 'stopped', underWay: 0 }, 'info', 'stopped'],
  [{ type: 'stopped', underWay: 1 }, 'info', 'stopped; 1 removal was left unsettled'],
  [{ type: 'stopped', underWay: 3 }, 'info', 'stopped; 3 removals were left unsettled'],
  [
    { type: 'crashed', message: 'boom' },
    'error',
    'Flotsam has crashed; nothing is watched or removed any more: boom',
  ],
]

describe('each event has a line that reads well', () => {
  test.each(rows.map(([event, level, message]) => ({ event, level, message })))(
    '$level: $message',
    ({ event, level, message }) => {
      const line = lineOf(event)
      expect([line.level, line.message()]).toEqual([level, message])
    },
  )

  test('every event has a row here', () => {
    expect(new Set(rows.map(([{ type }]) => type))).toEqual(new Set(eventNames))
  })
})

describe('the fields of a line', () => {
  test.each(rows.map(([event]) => [event.type, event] as const))(
    '%s: the event and all that it says',
    (_, event) => {
      const { type, ...said } = event
      // `name` is pino's own field, for the logger's name.
      const { name, ...rest } = { name: undefined, ...said }
      expect(lineOf(event).fields()).toEqual({
        event: type,
        ...rest,
        ...('name' in said && { container: name }),
      })
      expect(lineOf(event).fields()).not.toHaveProperty('name')
    },
  )
})
