import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const root = join(import.meta.dirname, '../..')

/** The importable modules and the command, as in package.json. */
const entries = [
  'src/index',
  'src/inspector/index',
  'src/sessions/index',
  'src/testing/index',
  'machines/index',
  'src/cli/main',
]

/**
 * Parts of packages that Flotsam never uses, and that would add native code or a hundred modules. Its connections use its
 * own agent, even for `ssh://`, and the demo builds no images.
 */
const leftOut: readonly { readonly packageName: string; readonly id: string; readonly why: string }[] = [
  { packageName: 'docker-modem', id: './ssh', why: 'this modem makes no connections over ssh2' },
  { packageName: 'dockerode', id: './session', why: 'this Dockerode has no BuildKit sessions' },
  { packageName: 'dockerode', id: './buildkit', why: 'this Dockerode does not read what BuildKit says' },
]

const prefix = '\0left-out:'

const leaveOut: Plugin = {
  name: 'leave-out',
  enforce: 'pre',
  resolveId(id, importer = '') {
    const at = leftOut.findIndex(
      (part) => part.id === id && importer.includes(`/node_modules/${part.packageName}/`),
    )
    return at < 0 ? undefined : `${prefix}${at}`
  },
  load(id) {
    if (!id.startsWith(prefix)) return undefined
    const why = leftOut[Number(id.slice(prefix.length))]?.why
    return `module.exports = () => { throw new Error(${JSON.stringify(why)}) }`
  },
}

/**
 * Builds the modules that Node loads. xstate is external, since a host's actors and ours must come from the same copy.
 * So is supports-color, which is optional for debug. Everything else is bundled, with its licences.
 */
export default defineConfig({
  root,
  publicDir: false,
  plugins: [leaveOut],
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: process.env['FLOTSAM_DIST'] ?? join(root, 'dist'),
    emptyOutDir: false,
    target: 'es2023',
    // keeps stack traces readable
    minify: false,
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: Object.fromEntries(entries.map((entry) => [entry, join(root, `${entry}.ts`)])),
      external: [/^node:/, ...builtinModules, /^xstate(\/|$)/, 'supports-color'],
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: 'chunks/[name]-[hash].js',
        // an error's name is that of its class
        keepNames: true,
      },
    },
  },
})
