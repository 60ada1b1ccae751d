import type { Patch } from './fault.ts'

/** Returns the answer with these fields replaced. Fields that are undefined are not sent. */
export function patched(shape: object, patches: readonly Patch[]): object {
  return patches.reduce<object>(applied, shape)
}

function applied(shape: object, patch: Patch): object {
  const own = new Map<string, unknown>(Object.entries(shape))
  for (const [key, value] of Object.entries(patch)) {
    const before = own.get(key)
    own.set(key, isRecord(before) && isRecord(value) ? applied(before, value) : value)
  }
  return Object.fromEntries(own)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
