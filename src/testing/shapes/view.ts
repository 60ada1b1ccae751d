import type { Platform } from '../model.ts'
import type { World } from '../world.ts'

/** What the shape of an answer depends on, besides what it is about. */
export interface View extends Pick<World, 'dialect' | 'version' | 'images'> {
  /** The version of the API that the caller asked for. */
  readonly apiVersion: string
}

/** Which variant of an image a container was made from, as the containerd image store tells it. */
export function manifestDescriptor(digest: string, { architecture, os }: Platform): object {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: 405,
    platform: { architecture, os },
  }
}

const never = '0001-01-01T00:00:00Z'

/** A moment as the engine writes it; the year 1 where it has not come. */
export function timestamp(ms: number | undefined): string {
  return ms === undefined ? never : new Date(ms).toISOString()
}

/** The same to the nanosecond: what is finer than the clock is taken from the id of what it is about. */
export function fineTimestamp(ms: number | undefined, id: string): string {
  if (ms === undefined) return never
  const nanos = Number.parseInt(id.replace(/^sha256:/, '').slice(0, 8), 16) % 1_000_000
  return new Date(ms).toISOString().replace('Z', `${String(nanos).padStart(6, '0')}Z`)
}
