import { isSessionId } from '../../domain/session.ts'
import { show } from '../../domain/show.ts'
import { refusal } from '../usage.ts'

/** What `flotsam session` sets for its command. Within it, flotsam accepts both and acts on neither. */
export const sessionVariables = ['FLOTSAM_SESSION', 'FLOTSAM_LABEL'] as const

type SessionVariable = (typeof sessionVariables)[number]

export function variablesOf(label: string, id: string): Readonly<Record<SessionVariable, string>> {
  return { FLOTSAM_SESSION: id, FLOTSAM_LABEL: `${label}=${id}` }
}

/**
 * `FLOTSAM_SESSION=/run/agents` means the store, and would otherwise be ignored.
 *
 * @throws UsageError for a value that no session has
 */
export function refuseMistakenSession(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of sessionVariables) {
    const value = env[name]
    const id = name === 'FLOTSAM_LABEL' ? value?.slice(value.lastIndexOf('=') + 1) : value
    if (value === undefined || isSessionId(id ?? '')) continue
    const requirement = 'it must be as flotsam session sets it; the store of sessions is FLOTSAM_SESSIONS'
    throw refusal(name, show(value), requirement)
  }
}
