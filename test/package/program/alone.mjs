// What is installed without anything beside it: the library, the embedded engine and the inspector.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createReconciler } from 'flotsam'
import { createInspector } from 'flotsam/inspector'
import { createEmbeddedEngine } from 'flotsam/testing'

const socketPath = join(mkdtempSync(join(tmpdir(), 'flotsam-alone-')), 'docker.sock')
const engine = createEmbeddedEngine()
await engine.listen({ socketPath })
engine.containers.create({ name: 'leak', labels: { a: 'b' }, createdAtMs: Date.now() - 3_600_000 })
const inspector = await createInspector()
const reconciler = createReconciler({
  owner: { label: 'a', value: 'b' },
  tracked: new Set(),
  engine: `unix://${socketPath}`,
  restoreGrace: '0s',
  inspect: inspector.inspect,
})
const removed = new Promise((resolve) => reconciler.on('removed', resolve))
reconciler.start()
const { name } = await removed
console.log(`removed ${name}`)
const page = await fetch(inspector.url)
console.log(page.status === 200 && /<script/.test(await page.text()) ? 'the page' : page.status)
await reconciler.stop()
await inspector.stop()
await engine.close()
