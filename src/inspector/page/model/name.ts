import { isRecord, textIn } from './message.ts'

/** The name of an action, a guard or an actor: a string, or the `type` of an object. */
export function nameOf(value: unknown): string | undefined {
  return textIn(value) ?? (isRecord(value) ? textIn(value['type']) : undefined)
}
