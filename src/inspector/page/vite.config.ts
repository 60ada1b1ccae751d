import { defineConfig } from 'vite'

/** Builds the inspector's page as static files without inline code, as the content security policy requires. */
export default defineConfig({
  base: './',
  build: {
    outDir: '../../../dist/src/inspector/page',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // the licences of the bundled packages
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
