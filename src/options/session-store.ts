import { show, withoutSecrets } from '../domain/show.ts'
import { type TextKind, textKind } from './kinds.ts'
import { Refusal } from './refusal.ts'

/** Where the command finds the leases of sessions. */
export type SessionStore = { readonly directory: string } | { readonly url: string }

const requirement =
  'it must be a directory, or redis://HOST:PORT/DATABASE (rediss:// with TLS); every part but the host may be left out'

export function sessionStore(): TextKind<SessionStore> {
  return textKind('', {
    type: 'SessionStore',
    placeholder: 'DIR|redis://HOST',
    requirement,
    read: (given) => (typeof given === 'string' && given !== '' ? readStore(given) : undefined),
  })
}

function readStore(text: string): SessionStore | Refusal {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\/|^rediss?:/i.test(text)
  if (!isUrl) return { directory: text }
  return isRedis(text) ? { url: text } : new Refusal(requirement, show(withoutSecrets(text)))
}

function isRedis(text: string): boolean {
  if (!/^rediss?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return false
  const { hostname, pathname, search, hash } = new URL(text)
  return hostname !== '' && /^(\/\d*)?$/.test(pathname) && search === '' && hash === ''
}
