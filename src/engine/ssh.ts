import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Agent } from 'node:http'
import { Duplex } from 'node:stream'
import type { SshAddress } from './address.ts'
import { ReachError } from './failure.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * Connects as the docker command does: each connection is an `ssh` process that runs `docker system dial-stdio` on the
 * remote host. The user's own ssh configuration, known hosts and agent apply.
 */
export function createSshAgent(address: SshAddress, env: Surroundings['env']): Agent {
  const agent = new Agent({ keepAlive: false })
  return Object.assign(agent, { createConnection: () => connectOverSsh(address, env) })
}

function sshArguments({ host, user, port, socketPath }: SshAddress): string[] {
  // the remote shell parses the command
  const remoteHost =
    socketPath === '' ? '' : ` --host 'unix://${socketPath.replaceAll("'", String.raw`'\''`)}'`
  const login = user === undefined ? [] : ['-l', user]
  const portNumber = port === undefined ? [] : ['-p', String(port)]
  // batch mode: there is no terminal to prompt on
  const options = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=30', '-T', ...login, ...portNumber]
  return [...options, '--', host, `docker${remoteHost} system dial-stdio`]
}

function connectOverSsh(address: SshAddress, env: Surroundings['env']): Duplex {
  const child = spawn('ssh', sshArguments(address), { env, stdio: 'pipe', windowsHide: true })
  const stream = joinPipes(child)
  let received = false
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => {
    received = true
    if (!stream.push(chunk)) child.stdout.pause()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-1_000)
  })
  child.on('error', (error) => {
    stream.destroy(new ReachError('misconfigured', 'the ssh command cannot be run', { cause: error }))
  })
  // the reason that the pipes closed is known only now
  child.on('close', (code) => {
    if (received || code === 0) stream.push(null)
    else stream.destroy(failedSsh(complaint, code))
  })
  return stream
}

function joinPipes(child: ChildProcessWithoutNullStreams): Duplex {
  // a broken pipe is reported when the child exits, together with the reason
  child.stdin.on('error', () => {})
  return new Duplex({
    read: () => void child.stdout.resume(),
    write: (chunk, _encoding, done) => void child.stdin.write(chunk, () => done()),
    final: (done) => void child.stdin.end(() => done()),
    destroy: (error, done) => {
      child.kill()
      done(error)
    },
  })
}

function failedSsh(complaint: string, code: number | null): ReachError {
  // ssh exits with the same code for every failure
  const isRefusal = /permission denied|host key verification failed|not found/i.test(complaint)
  const said = complaint.trim() === '' ? `it ended with code ${code}` : complaint.trim()
  return new ReachError(isRefusal ? 'misconfigured' : 'unavailable', `ssh: ${said}`)
}
