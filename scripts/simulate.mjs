// Compiles the library and its simulation, and lives through many worlds:
//   --seeds N [--from S]              N seeds on the library as it is, and what happened in them; a failing one is shortened and
//                                     told; from 1000 seeds on everything must have happened, and what each rule prevents is measured
//   --mutation RULE|all [--seeds N]   only that: how soon it is found that a rule is missing, and how many wrong removals it prevents
//   --seed S [--keep 1,4,7]           the story of one seed
import { runCompiled } from './support/run-compiled.mjs'

// Libraries without one of their rules are made beside the sound one.
runCompiled({ folder: 'test/simulation', program: 'simulate.js', under: 'sound' })
