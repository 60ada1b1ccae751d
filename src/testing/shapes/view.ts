import type { Platform } from '../model.ts'
import type { World } from '../world.ts'

/** What answers depend on besides the object itself. */
export interface View extends Pick<World, 'dialect' | 'version' | 'images'> {
  /** The requested API version. */
  readonly apiVersion: string
}

/** The platform of a container's image, as shown with the containerd image store. */
export function manifestDescriptor(digest: string, { architecture, os }: Platform): object {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: 405,
    platform: { architecture, os },
  }
}

const never = '0001-01-01T00:00:00Z'

/** A time in the engine's format; the year 1 if it is undefined. */
export function timestamp(ms: number | undefined): string {
  return ms === undefined ? never : new Date(ms).toISOString()
}

/** The same in nanoseconds. The digits below the clock's resolution come from the object's id. */
export function fineTimestamp(ms: number | undefined, id: string): string {
  if (ms === undefined) return never
  const nanos = Number.parseInt(id.replace(/^sha256:/, '').slice(0, 8), 16) % 1_000_000
  return new Date(ms).toISOString().replace('Z', `${String(nanos).padStart(6, '0')}Z`)
}
