import * as z from 'zod'

import { formatDuration, parseDuration } from './duration.ts'

/** The states that a container can be removed in. */
export const coverableStates = ['created', 'running', 'paused', 'restarting', 'exited', 'dead'] as const
export type CoverableState = (typeof coverableStates)[number]

const yearMs = parseDuration('8760h') as number
const dayMs = parseDuration('24h') as number

export const durationForms = 'a duration such as "90s", "5m" or "1h30m", or a number of milliseconds'

/** One duration option: its default, where it may be zero, and its limits. */
function duration(fallback: string, { mayBeZero = false, leastMs = 0, mostMs = yearMs } = {}) {
  return z
    .union([z.string(), z.number()])
    .transform((value, issues) => {
      const durationMs = (typeof value === 'string' ? parseDuration(value) : value) ?? Number.NaN
      const refuse = (message: string) => issues.addIssue({ code: 'custom', message, input: value })
      if (!Number.isFinite(durationMs) || durationMs < 0) {
        refuse(`it must be ${durationForms}`)
      } else if (durationMs === 0 && !mayBeZero) refuse('it must be longer than zero')
      else if (durationMs < leastMs) refuse(`it must be at least ${formatDuration(leastMs)}`)
      else if (durationMs > mostMs) {
        refuse(`it must be at most ${mostMs === yearMs ? 'a year, 8760h' : formatDuration(mostMs)}`)
      }
      return durationMs
    })
    .prefault(fallback)
}

const wholeNumber = (least: number, most: number, fallback: number) =>
  z.number().int().min(least).max(most).default(fallback)

/** A shorter period, or pause between probes, keeps an engine busy with nothing but listings. */
const shortestPauseMs = 100

export const labelForm = 'it must be a label name: not empty, without spaces and "="'
export const labelName = z.string().regex(/^[^\s=]+$/, labelForm)

const ownerLabel = z.union([
  z.strictObject({ label: labelName, value: z.string().min(1), anyValue: z.literal(false).optional() }),
  z.strictObject({ label: labelName, anyValue: z.literal(true) }),
])

/** The options that are plain data, as a configuration can give them. */
export const dataOptions = z.strictObject({
  owner: ownerLabel.optional(),
  preset: z.literal('nomad').optional(),
  enabled: z.boolean().default(true),
  dryRun: z.boolean().default(false),
  period: duration('5m', { leastMs: shortestPauseMs }),
  creationGrace: duration('5m'),
  restoreGrace: duration('5m', { mayBeZero: true }),
  releaseGrace: duration('30s', { mayBeZero: true }),
  recoveryGrace: duration('30s'),
  allowShortGrace: z.boolean().default(false),
  states: z.array(z.enum(coverableStates)).min(1).default(['running', 'paused', 'restarting', 'dead']),
  keepLabel: labelName.default('flotsam.keep'),
  filterListing: z.boolean().default(false),
  events: z.boolean().default(true),
  self: z
    .string()
    .regex(/^\/?[a-zA-Z0-9][\w.-]*$/, 'it must be a container id of at least 12 digits, or a container name')
    .optional(),
  backoff: z
    .strictObject({ min: duration('1s', { leastMs: shortestPauseMs }), max: duration('60s') })
    .prefault({}),
  removeVolumes: z.boolean().default(true),
  // Timers take no more than 24 days, and the engine's own deadline comes on top.
  stopTimeout: duration('0s', { mayBeZero: true, mostMs: dayMs }),
  maxConcurrentRemovals: wholeNumber(1, 20, 2),
  maxRemovalsPerLook: wholeNumber(1, 10_000, 50),
  maxDanglingShare: z.number().gt(0).max(1).optional(),
})

/** The data options, checked and with their defaults. */
export type Data = z.output<typeof dataOptions>
