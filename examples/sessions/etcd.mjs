// Sessions in etcd 3.4 or newer, by its JSON gateway: a store of leases of your own needs no more than hold and isHeld.
import { randomUUID } from 'node:crypto'

const base64 = (text) => Buffer.from(text).toString('base64')

/** @returns {import('flotsam/sessions').LeaseStore} */
export function etcdLeases({ url = 'http://127.0.0.1:2379', prefix = 'flotsam/sessions/', ttlSeconds = 30 }) {
  const ttlMs = ttlSeconds * 1000
  const absences = new Map()

  async function call(path, body) {
    // an answer that takes longer is unknown
    const signal = AbortSignal.timeout(ttlMs / 6)
    const init = { method: 'POST', body: JSON.stringify(body), redirect: 'error', signal }
    const response = await fetch(new URL(path, url), init)
    if (!response.ok) throw new Error(`etcd: ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  async function hold(id) {
    const [key, value] = [base64(prefix + id), base64(randomUUID())]
    const lost = new AbortController()
    let lease
    let renewedMs

    async function renew() {
      const sentMs = performance.now()
      const kept = lease && (await call('/v3/lease/keepalive', { ID: lease }))
      if (!(Number(kept?.result.TTL) > 0)) lease = (await call('/v3/lease/grant', { TTL: ttlSeconds })).ID
      const { succeeded, responses } = await call('/v3/kv/txn', {
        compare: [{ key, target: 'CREATE', create_revision: '0' }],
        success: [{ request_put: { key, value, lease } }],
        failure: [{ request_range: { key } }],
      })
      const isOurs = succeeded || responses[0].response_range.kvs?.[0].value === value
      if (!isOurs) throw new Error(`session ${id} is held by another process`)
      renewedMs = sentMs
    }

    async function renewOrLose() {
      const error = await renew().catch((thrown) => thrown)
      if (performance.now() - renewedMs > ttlMs)
        lost.abort(new Error('the lease may be lost', { cause: error }))
    }

    await renew()
    const timer = setInterval(() => void renewOrLose(), ttlMs / 3).unref()
    const release = async () => {
      clearInterval(timer)
      await call('/v3/lease/revoke', { ID: lease })
    }
    return { lost: lost.signal, release }
  }

  async function isHeld(id) {
    const askedMs = performance.now()
    const { header, kvs } = await call('/v3/kv/range', { key: base64(prefix + id) })
    const before = absences.get(id)
    absences.delete(id)
    if (kvs !== undefined) return true
    // A cluster that was set up again knows no leases: their holders need a third of the time to live to renew them.
    const isSame = before?.cluster === header.cluster_id && before.revision <= Number(header.revision)
    const sinceMs = isSame ? before.sinceMs : performance.now()
    if (absences.size >= 10_000) absences.clear()
    absences.set(id, { cluster: header.cluster_id, revision: Number(header.revision), sinceMs })
    return askedMs - sinceMs > ttlMs ? false : undefined
  }

  return { hold, isHeld }
}
