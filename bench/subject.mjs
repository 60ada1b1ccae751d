/** A process for a single measurement: `node subject.mjs NAME` runs `subjects/NAME.mjs`. */
import { talk } from './rpc.mjs'

process.once('disconnect', () => process.exit(1))
const { measure } = await import(`./subjects/${process.argv[2]}.mjs`)
const engine = talk(process, {
  measure: (settings) => measure(settings, (verb, ...args) => engine.ask(verb, ...args)),
})
