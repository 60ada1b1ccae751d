// Compiles the library with the chaos test, and runs it for minutes on real engines that it starts itself.
// --help lists the options.
import { runCompiled } from './support/run-compiled.mjs'

// Libraries without one of their rules are made beside the sound one.
runCompiled({
  folder: 'test/chaos',
  program: 'chaos.js',
  under: 'sound',
  beside: ['test/support/end-engine.sh'],
})
