import type { ContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Ask } from './exchange.ts'
import type { Wanted } from './member-picker.ts'

type Fields = Readonly<Record<string, unknown>>

/** Podman creates a container's volumes right after the container; an older volume is not its own. */
const longestMakingMs = 10_000

/** Of a container and of a volume. */
const wanted: Wanted = { Id: true, Created: true, Mounts: true, Name: true, Anonymous: true, CreatedAt: true }

/**
 * positive-evidence: whether Podman may remove this container's anonymous volumes with it. For Podman, a volume that was
 * created anonymously stays anonymous: it would also delete one that the user kept and mounts here by name. An inspection of
 * the container does not distinguish the two, but the volume's creation time does. If anything is unknown the result is
 * false, because a leftover volume can be deleted later.
 */
export async function areVolumesItsOwn(id: ContainerId, version: string, ask: Ask): Promise<boolean> {
  const read = async (path: string): Promise<Fields> => {
    const answer = await ask({ method: 'GET', path: `/v${version}/libpod/${path}` })
    return asRecord(await readJson(await expectStatus(answer, 200), wanted)) ?? {}
  }
  try {
    const container = await read(`containers/${id}/json`)
    const names = volumesOf(container)
    if (container['Id'] !== id || names === undefined) return false
    for (const name of names) {
      const volume = await read(`volumes/${encodeURIComponent(name)}/json`)
      if (volume['Name'] !== name || !(isNamed(name, volume) || isMadeWith(container, volume))) return false
    }
    return true
  } catch {
    // an error that also affects the removal is reported there
    return false
  }
}

function volumesOf({ Mounts: mounts }: Fields): readonly string[] | undefined {
  if (!Array.isArray(mounts)) return undefined
  const names = mounts.map((mount) => {
    const { Type: type, Name: name } = asRecord(mount) ?? {}
    return type === 'volume' ? name : typeof type === 'string' ? '' : undefined
  })
  return names.every((name) => typeof name === 'string') ? [...new Set(names)].filter(Boolean) : undefined
}

/** Podman gives anonymous volumes a name of 64 digits, and does not remove named ones. */
function isNamed(name: string, { Anonymous: isAnonymous = false }: Fields): boolean {
  return isAnonymous === false && !/^[0-9a-f]{64}$/.test(name)
}

function isMadeWith(container: Fields, volume: Fields): boolean {
  const laterMs = Date.parse(String(volume['CreatedAt'])) - Date.parse(String(container['Created']))
  return laterMs >= 0 && laterMs <= longestMakingMs
}
