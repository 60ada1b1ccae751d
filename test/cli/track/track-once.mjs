// `flotsam track` without the rest of the command, which would take longer to load than the test itself.
import { pathToFileURL } from 'node:url'

const [built, path, action, ...ids] = process.argv.slice(2)
const { track } = await import(pathToFileURL(built).href)
const world = { stdout: process.stdout, stderr: process.stderr }
process.exitCode = await track({ path, action, ids, nothingTracked: false }, world)
