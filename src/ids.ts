declare const brand: unique symbol

/**
 * The full id of a container: 64 lower-case hexadecimal digits. Nothing else is ever put into a removal, and
 * `parseContainerId` is the only place that makes one.
 */
export type ContainerId = string & { readonly [brand]: 'ContainerId' }

const fullId = /^[0-9a-f]{64}$/

/** The text as a container id, or undefined when it is a name, a prefix, or anything else that is not one. */
export function parseContainerId(text: unknown): ContainerId | undefined {
  return typeof text === 'string' && fullId.test(text) ? (text as ContainerId) : undefined
}

/** The twelve digits that people know from `docker ps`. For reading only. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}
