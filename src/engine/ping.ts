import type { Duplex } from 'node:stream'
import { AnswerError, ReachError } from './failure.ts'

const ping = 'HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n'
const endOfHead = '\r\n\r\n'
const longestHead = 64 * 1024

/**
 * Pings the engine at the far end of a stream. A stream that is not a socket, such as that of an `ssh` process, exists long
 * before its login is done. Readers of the stream do not see the response, and the stream can carry a request afterwards. If
 * the stream breaks, its readers get the error and this never settles.
 */
export function expectPong(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const readers = stream.listeners('data') as ((chunk: Buffer) => void)[]
    let said = ''
    const read = (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (!said.includes(endOfHead) && said.length < longestHead) return
      for (const reader of readers) stream.on('data', reader)
      stream.off('data', read)
      const complaint = complaintAbout(said)
      if (complaint === undefined) resolve()
      else reject(complaint)
    }
    // added before the others are removed: without a reader the stream would pause
    stream.on('data', read)
    for (const reader of readers) stream.off('data', reader)
    stream.write(ping)
  })
}

function complaintAbout(said: string): Error | undefined {
  const [head = '', more] = said.split(endOfHead, 2)
  const [, version, status = ''] = /^HTTP\/(\d\.\d) (\d{3})/.exec(head) ?? []
  // the response to a HEAD has no body
  if (version === undefined || more !== '') return new AnswerError('what answers is not HTTP')
  if (Number(status) >= 500 || Number(status) < 200) {
    return new ReachError('unavailable', `the engine is not ready (HTTP ${status})`)
  }
  if (version !== '1.0' && !/^connection:.*close/im.test(head)) return undefined
  return new ReachError(
    'unavailable',
    'the connection closes after one response, so that no request can be held on it',
  )
}
