// Compiles the library and its soak test, lets containers come and go, and reports growth; exits with 1 on any:
//   --containers N   the number of containers, in one process on a driven clock (default 1,000,000), then a day without an engine
//   --population N   how many of them exist at a time (default 2000)
//   --http           uses real sockets of the embedded engine, in real time (default 20,000 containers)
import { runCompiled } from './support/run-compiled.mjs'

runCompiled({ folder: 'test/soak', program: 'soak.js' })
