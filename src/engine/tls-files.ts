import { join } from 'node:path'
import { messageOf, OptionError } from '../domain/errors.ts'

/** The certificates and the key of a TLS connection to an engine, in PEM format. */
export interface TlsFiles {
  /** Undefined for the system's certificate authorities. */
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** Whether the engine's certificate is verified. */
  readonly verify: boolean
}

interface TlsDemand {
  /** Used in the error message if a file is invalid. */
  readonly source: string
  readonly needsCa: boolean
  readonly verify: boolean
}

/**
 * Reads ca.pem, cert.pem and key.pem. The client certificate is optional, but cert.pem and key.pem require each other.
 */
export function readTlsFiles(
  directory: string,
  { source, needsCa, verify }: TlsDemand,
  { readFile }: { readonly readFile: (path: string) => Buffer },
): TlsFiles {
  const refuse = (why: string, cause?: unknown) =>
    new OptionError('engine', directory, `its certificates cannot be used: ${why}`, { source, cause })
  const read = (name: string): Buffer | undefined => {
    try {
      return readFile(join(directory, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw refuse(`${name}: ${messageOf(error)}`, error)
    }
  }
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')]
  if (needsCa && ca === undefined) throw refuse('ca.pem, which verifies the engine, is missing')
  if (cert === undefined && key !== undefined) throw refuse('cert.pem is missing, but there is a key.pem')
  if (cert !== undefined && key === undefined) throw refuse('key.pem is missing, but there is a cert.pem')
  return { ca, cert, key, verify }
}
