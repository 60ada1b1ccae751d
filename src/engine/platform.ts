import { asRecord } from './as-record.ts'

/** The platform of an image, in OCI terms. */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant: string
}

/** Formats a platform, such as `linux/arm64/v8`; empty if it is incomplete. */
export function platformText(value: unknown): string {
  const { os, architecture, variant } = asRecord(value) ?? {}
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '')
    return ''
  return [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/')
}

/** Normalizes the spelling of a platform by containerd's rules. */
export function readPlatform(text: string): Platform {
  const [os = '', architecture = '', variant = ''] = text.toLowerCase().split('/')
  return { os: os === 'macos' ? 'darwin' : os, ...normalise(architecture, variant) }
}

export function isSamePlatform(one: string, other: string): boolean {
  const [a, b] = [readPlatform(one), readPlatform(other)]
  return a.os === b.os && a.architecture === b.architecture && a.variant === b.variant
}

function normalise(architecture: string, variant: string): Omit<Platform, 'os'> {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' }
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant }
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === '8' || variant === 'v8' ? '' : variant }
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' }
    case 'armel':
      return { architecture: 'arm', variant: 'v6' }
    case 'arm':
      return { architecture, variant: variant === '' ? 'v7' : variant.replace(/^\d$/, 'v$&') }
    default:
      return { architecture, variant }
  }
}
