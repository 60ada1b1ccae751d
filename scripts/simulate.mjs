// Compiles the library and its simulation, and runs many worlds:
//   --seeds N [--from S]              N seeds on the library as it is, and what happened in them; a failing one is shortened and
//                                     printed; from 1000 seeds on everything that can happen must have happened
//   --mutation RULE|all [--seeds N]   what each rule prevents: how soon it is found that a rule is missing, and how many wrong removals it prevents
//   --seed S [--keep 1,4,7]           the story of one seed
import { runCompiled } from './support/run-compiled.mjs'

// Libraries without one of their rules are made beside the sound one.
runCompiled({ folder: 'test/simulation', program: 'simulate.js', under: 'sound' })
