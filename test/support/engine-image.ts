import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { findStaticBusybox } from './engine-availability.ts'

const busyboxCommands = ['sh', 'sleep', 'true', 'false', 'cat', 'echo', 'ls', 'touch', 'mkdir', 'rm']

/**
 * Makes the root filesystem of the test image, below that directory, and gives the path of its tar archive. No two are alike:
 * of a layer that it has already, the containerd image store would not fetch the blob.
 */
export function packBusybox(directory: string): string {
  const root = join(directory, 'image')
  const archive = join(directory, 'image.tar')
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(findStaticBusybox() ?? 'busybox', join(root, 'bin/busybox'))
  for (const name of busyboxCommands) symlinkSync('busybox', join(root, 'bin', name))
  writeFileSync(join(root, 'made-as'), randomUUID())
  execFileSync('tar', ['-C', root, '-cf', archive, '.'])
  return archive
}

/** Makes an image of that archive, with labels where some are given. */
export async function importBusybox(
  docker: Docker,
  name: string,
  archive: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const changes = Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`)
  const [repo, tag] = name.split(':')
  const answer = await docker.importImage(archive, { repo, tag, changes })
  let said = ''
  for await (const chunk of answer) said += String(chunk)
  // an import that fails half-way still answers with 200, and the error is a line of the body
  if (said.includes('"error"')) throw new Error(`could not import ${name}: ${said}`)
  await docker.getImage(name).inspect()
}
