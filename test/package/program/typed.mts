import { createReconciler, type Logger, OptionError, type Status } from 'flotsam'
import { createInspector, type Inspector } from 'flotsam/inspector'
import { supervisorMachine } from 'flotsam/machines'
import { createEmbeddedEngine, type EmbeddedEngine } from 'flotsam/testing'

const engine: EmbeddedEngine = createEmbeddedEngine()
const inspector: Inspector = await createInspector()
const logger: Logger = { isLevelEnabled: () => false, debug() {}, info() {}, warn() {}, error() {} }
const reconciler = createReconciler({
  owner: { label: 'a', value: 'b' },
  tracked: new Map<string, unknown>(),
  engine: 'unix:///nowhere',
  inspect: inspector.inspect,
  logger,
})
reconciler.on('removed', ({ id, name }: { id: string; name: string }) => console.log(id, name))
const status: Status = reconciler.status()
console.log(status.state, supervisorMachine.id, engine.containers.list().length, OptionError.name)
