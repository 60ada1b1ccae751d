/** One line of `/proc/self/mountinfo`, reduced to the fields that identify a mount's origin. */
export interface MountLine {
  /** The mounted directory or file, relative to the root of its own file system rather than the host's. */
  readonly root: string
  readonly mountPoint: string
  readonly fileSystem: string
  /** The writable layer of an overlay, as given by the process that mounted it; empty for other file systems. */
  readonly upperDir: string
}

/** Parses the mounts in the kernel's order: a later mount on the same path hides an earlier one. Skips truncated lines. */
export function parseMountTable(mountinfo: string): readonly MountLine[] {
  return mountinfo.split('\n').flatMap((line) => {
    // Optional fields precede a single dash: 36 35 98:0 /root /mount/point rw shared:1 - ext4 /dev/sda rw
    const [place = '', origin] = line.split(' - ', 2)
    const [, , , root, mountPoint] = place.split(' ')
    if (root === undefined || mountPoint === undefined || origin === undefined) return []
    const [fileSystem = '', , ...options] = origin.split(' ')
    return [
      {
        root: unescape(root).replace(/\/\/deleted$/, ''),
        mountPoint: unescape(mountPoint),
        fileSystem,
        upperDir: upperDirIn(options.join(' ')),
      },
    ]
  })
}

function upperDirIn(options: string): string {
  const option = options.split(',').find((one) => one.startsWith('upperdir='))
  return unescape(option?.slice('upperdir='.length) ?? '')
}

/** Decodes octal escapes: the kernel writes a space as `\040`. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCodePoint(Number.parseInt(octal, 8)),
  )
}

/** A file that an engine created for one container, identified by its directory. */
export interface EngineFile {
  readonly containerId: string
  /** Podman, and engines that share its storage, use an intermediate `userdata` directory. */
  readonly layout: 'docker' | 'podman'
}

const engineFile = /(?:^|\/)([0-9a-f]{64})(\/userdata)?\/[^/]+$/

/** Returns undefined for files that were not created by an engine. */
export function asEngineFile(path: string): EngineFile | undefined {
  const found = engineFile.exec(path)
  return found?.[1] === undefined
    ? undefined
    : { containerId: found[1], layout: found[2] === undefined ? 'docker' : 'podman' }
}

/** A container's writable layer, as Docker and Podman name it: `…/overlay2/ID/diff`. The id belongs to the layer. */
interface Layer {
  readonly id: string
  /** The storage driver, which is the same for all layers of one engine. */
  readonly driver: string
}

// If the mount options would be too long, engines use a relative path that begins with the id.
const layer = /(?:^|\/)(?:(overlay2?)\/)?([0-9a-f]{64})\/(diff|upper)$/
const snapshot = /\/snapshots\/\d+\/fs$/

export function asLayer(upperDir: string): Layer | undefined {
  const found = layer.exec(upperDir)
  return found?.[2] === undefined
    ? undefined
    : { id: found[2], driver: `${found[1] ?? ''}/${found[3] ?? ''}` }
}

/** Whether a root's upper layer is a container's, including containerd's; that of an installed or live system is not. */
export function isContainerLayer(upperDir: string): boolean {
  return layer.test(upperDir) || snapshot.test(upperDir)
}

/** Whether a directory of the host may contain a path that is relative to some file system's root. */
export function mayHold(folder: string, path: string): boolean {
  const parts = partsOf(folder)
  if (parts.length === 0) return true
  const tail = parts.slice(-2)
  const within = partsOf(path).slice(0, -1)
  return within.some((_, at) => tail.every((part, index) => within[at + index] === part))
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '')
}
