// Compiles the library with its chaos, and lives through minutes of it on real engines that it starts for itself.
// --help tells what can be asked for.
import { runCompiled } from './support/run-compiled.mjs'

runCompiled({
  folder: 'test/chaos',
  program: 'chaos.js',
  beside: ['test/support/end-engine.sh'],
})
