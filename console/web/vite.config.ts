import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vite'

// The server serves the folder below at /app/ (console/web_app.py).  Nothing is inlined: the
// policy of the pages allows no `data:` and no inline script or style.
export default defineConfig({
  base: '/app/',
  plugins: [vue(), components({ dts: false, resolvers: [ElementPlusResolver({ importStyle: 'css' })] })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  worker: { format: 'es' },
  define: {
    __VUE_OPTIONS_API__: true, // Element Plus uses it
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    outDir: '../built',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    reportCompressedSize: false,
  },
  server: { proxy: { '^/(api|log|login|language|static|media)': 'http://127.0.0.1:8787' } },
  test: { environment: 'happy-dom', testTimeout: 60_000, include: ['src/**/*.test.ts'] },
} as never)
