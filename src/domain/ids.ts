declare const brand: unique symbol

/**
 * The full id of a container: 64 lowercase hexadecimal digits. Removal requests accept nothing else, and only
 * `parseContainerId` creates one.
 */
export type ContainerId = string & { readonly [brand]: 'ContainerId' }

const fullId = /^[0-9a-f]{64}$/

/** Returns the text as a container id; undefined if it is not one, such as a name or a prefix. */
export function parseContainerId(text: unknown): ContainerId | undefined {
  return typeof text === 'string' && fullId.test(text) ? (text as ContainerId) : undefined
}

/** The 12-digit id shown by `docker ps`. For display only. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}

const imageDigits = /^(?:sha256:)?([0-9a-f]{64})$/

/**
 * Returns the full id of an image as engines list it: `sha256:` and 64 digits. The podman command prints it without the
 * algorithm. Undefined if the text is anything else, such as a name or a prefix.
 */
export function parseImageId(text: unknown): string | undefined {
  const digits = typeof text === 'string' ? imageDigits.exec(text)?.[1] : undefined
  return digits === undefined ? undefined : `sha256:${digits}`
}
