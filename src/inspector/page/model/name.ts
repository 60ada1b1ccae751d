import { isRecord, textIn } from './message.ts'

/** The name of an action, a guard or an actor: a string, or an object that says its type. */
export function nameOf(value: unknown): string | undefined {
  return textIn(value) ?? (isRecord(value) ? textIn(value['type']) : undefined)
}
