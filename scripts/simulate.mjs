// Compiles the library and its simulation, and runs it with many seeds:
//   --seeds N [--from S]              runs N seeds on the unmodified library and counts what happened; a failing seed is
//                                     shortened and printed; with 1000 seeds or more, every known event must occur
//   --mutation RULE|all [--seeds N]   switches off a rule: how soon that is detected, and how many wrong removals it prevents
//   --seed S [--keep 1,4,7]           prints the story of one seed
import { runCompiled } from './support/run-compiled.mjs'

// Copies of the library with one rule switched off are created beside it.
runCompiled({ folder: 'test/simulation', program: 'simulate.js', under: 'sound' })
