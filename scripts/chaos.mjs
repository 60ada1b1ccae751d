// Compiles the library with the chaos test, and runs it for minutes on real engines that it starts itself.
// --help lists the options.
import { runCompiled } from './support/run-compiled.mjs'

// Copies of the library with one rule switched off are created beside it.
runCompiled({
  folder: 'test/chaos',
  program: 'chaos.js',
  under: 'sound',
  beside: ['test/support/end-engine.sh'],
})
