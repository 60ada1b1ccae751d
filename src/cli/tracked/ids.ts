const fullId = /^[0-9a-f]{64}$/

export const fullIdForm = 'a full container id, 64 lower-case hexadecimal digits'

export function isFullId(value: unknown): value is string {
  return typeof value === 'string' && fullId.test(value)
}
