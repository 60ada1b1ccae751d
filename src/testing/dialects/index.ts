import type { Dialect, DialectName } from '../dialect.ts'
import type { EngineVersion } from '../model.ts'
import { dockerdDialect } from './dockerd.ts'
import { podmanDialect } from './podman.ts'

export function dialectOf(name: DialectName, version: EngineVersion): Dialect {
  return name === 'podman' ? podmanDialect(version) : dockerdDialect(version, name === 'dockerd-containerd')
}
