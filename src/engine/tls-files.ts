import { join } from 'node:path'
import { messageOf, OptionError } from '../errors.ts'

/** What a TLS connection to an engine is made with, as PEM. */
export interface TlsFiles {
  /** Undefined: the machine's own authorities. */
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** Whether the engine's certificate is checked. */
  readonly verify: boolean
}

interface TlsDemand {
  /** Named when a file cannot be used. */
  readonly option: string
  readonly needsCa: boolean
  readonly verify: boolean
}

/**
 * Reads ca.pem, cert.pem and key.pem. A client certificate is optional, half of one is an error.
 */
export function readTlsFiles(
  directory: string,
  { option, needsCa, verify }: TlsDemand,
  { readFile }: { readonly readFile: (path: string) => Buffer },
): TlsFiles {
  const refuse = (why: string, cause?: unknown) =>
    new OptionError(option, `${option}: the certificates in '${directory}' cannot be used: ${why}`, { cause })
  const read = (name: string): Buffer | undefined => {
    try {
      return readFile(join(directory, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw refuse(`${name}: ${messageOf(error)}`, error)
    }
  }
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')]
  if (needsCa && ca === undefined) throw refuse('there is no ca.pem to check the engine by')
  if (cert === undefined && key !== undefined) throw refuse('there is a key.pem and no cert.pem')
  if (cert !== undefined && key === undefined) throw refuse('there is a cert.pem and no key.pem')
  return { ca, cert, key, verify }
}
