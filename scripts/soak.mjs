// Compiles the library and its soak test, lets containers come and go, and reports growth; exits with 1 on any:
//   --containers N   so many in one process on a driven clock (default 1,000,000), then a day without an engine
//   --population N   so many of them at a time (default 2000)
//   --http           through real sockets of the embedded engine instead, in real time (default 20,000)
import { runCompiled } from './support/run-compiled.mjs'

runCompiled({ folder: 'test/soak', program: 'soak.js' })
