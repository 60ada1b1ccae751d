import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { EngineUnderTest } from './engine-matrix.ts'
import { type Bench, owned } from './real-harness.ts'

/**
 * CRIU works in no container. So this runtime ends the process at a checkpoint, and runs it again at a restore. What Podman
 * records of both is its own.
 */
const runtimeBefore = (runc: string): string => `#!/bin/bash
args=("$@"); id="\${args[-1]}"
for i in "\${!args[@]}"; do case "\${args[$i]}" in
 checkpoint) [[ "$*" == *--help* ]] && exec ${runc} "$@"
   for j in "\${!args[@]}"; do [ "\${args[$j]}" = --image-path ] && img="\${args[$((j+1))]}"; done
   mkdir -p "$img"; touch "$img/inventory.img"
   ${runc} "\${args[@]:0:$i}" kill "$id" KILL
   until ${runc} "\${args[@]:0:$i}" state "$id" | grep -q '"status": "stopped"'; do sleep 0.05; done; exit 0;;
 restore) [[ "$*" == *--help* ]] && exec ${runc} "$@"
   out=("\${args[@]:0:$i}" run); skip=0
   for a in "\${args[@]:$((i+1))}"; do
     if [ $skip = 1 ]; then skip=0; continue; fi
     case "$a" in --image-path|--work-path|--lsm-profile|--empty-ns|--manage-cgroups-mode) skip=1;;
       --tcp-established|--ext-unix-sk|--shell-job|--file-locks|--ignore-*) ;; *) out+=("$a");; esac; done
   exec ${runc} "\${out[@]}";;
esac; done
exec ${runc} "$@"
`

/** Podman's command on a private engine, which checkpoints and restores what it has made itself. */
export interface CheckpointingPodman {
  /** An owned container that runs. */
  run(): string
  checkpoint(id: string): void
  restore(id: string): void
}

export function checkpointingPodman({ engine }: Bench, { folder }: EngineUnderTest): CheckpointingPodman {
  const directory = dirname(engine.socketPath)
  const runtime = join(directory, 'checkpointing-runc')
  writeFileSync(runtime, runtimeBefore(folder === undefined ? '/usr/sbin/runc' : join(folder, 'runc')))
  chmodSync(runtime, 0o755)
  const env = {
    ...process.env,
    ...(folder === undefined ? {} : { PATH: `${folder}:${process.env['PATH']}` }),
    CONTAINERS_CONF: join(directory, 'containers.conf'),
  }
  const own = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')]
  const more = ['--tmpdir', join(directory, 'tmp'), '--storage-driver', 'overlay', '--runtime', runtime]
  const podman = (...args: string[]): string =>
    execFileSync('podman', [...own, ...more, ...args], { env, encoding: 'utf8' }).trim()
  return {
    run: () => {
      const labels = Object.entries(owned).flatMap(([key, value]) => ['--label', `${key}=${value}`])
      const cgroup = ['--cgroup-parent', engine.hostConfig.CgroupParent ?? '']
      const kind = ['--network', 'none', '--stop-timeout', '0']
      const made = podman('run', '-d', ...labels, ...cgroup, ...kind, engine.image, 'sleep', '86400')
      return made.split('\n').at(-1) ?? ''
    },
    checkpoint: (id) => void podman('container', 'checkpoint', id),
    restore: (id) => void podman('container', 'restore', id),
  }
}
