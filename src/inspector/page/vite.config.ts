import { defineConfig } from 'vite'

/** The inspector's page, as static files that the relay serves under a strict policy: nothing inline, nothing from elsewhere. */
export default defineConfig({
  base: './',
  build: {
    outDir: '../../../dist/src/inspector/page',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // what is bundled has licences of its own, and this names them
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
