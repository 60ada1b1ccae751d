import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Hono, type MiddlewareHandler } from 'hono'
import type { Gate } from './gate.ts'
import { statelyOrigin, statelyPage, statelyScript, statelyStyle } from './stately-page.ts'

/** Beside this module in the build. If run from the sources, in `dist`. */
const folder = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, '../../dist/src/inspector/page')
  : join(import.meta.dirname, 'page')

const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
}

/** The pages and their files. The gate has already checked method and host, but not the token. */
export function createPages(gate: Gate, pageFolder = folder): Hono {
  const pages = new Hono()
  const withToken: MiddlewareHandler = async (context, next) => {
    const refusal = gate.refuseStranger(context.req.query('token'))
    return refusal ? context.text(`${refusal.help}\n`, refusal.status) : next()
  }
  pages.use(async (context, next) => {
    await next()
    const { headers } = context.res
    const host = context.req.header('host') ?? ''
    headers.set('content-security-policy', policyFor(context.req.path, host))
    headers.set('referrer-policy', 'no-referrer')
    headers.set('x-content-type-options', 'nosniff')
    headers.set('x-frame-options', 'DENY')
    headers.set('cross-origin-opener-policy', 'same-origin')
    headers.set('cross-origin-resource-policy', 'same-origin')
    headers.set('cache-control', 'no-store')
  })
  pages.get('/', withToken, async (context) => {
    const page = await read(join(pageFolder, 'index.html'))
    return page
      ? context.body(page, 200, { 'content-type': contentTypes['html'] as string })
      : context.text('The page is not built. Run npm run build.\n', 503)
  })
  pages.get('/stately', withToken, (context) => context.html(statelyPage))
  // Without a token, since they are the same for every client and reveal nothing.
  pages.get('/stately.js', (context) => served(context.body.bind(context), statelyScript, 'js'))
  pages.get('/stately.css', (context) => served(context.body.bind(context), statelyStyle, 'css'))
  pages.get('/favicon.ico', (context) => context.body(null, 204))
  pages.get('/assets/:name{[\\w-][\\w.-]*}', async (context) => {
    const name = context.req.param('name')
    const type = contentTypes[name.slice(name.lastIndexOf('.') + 1)]
    const asset = type === undefined ? undefined : await read(join(pageFolder, 'assets', name))
    return asset && type !== undefined
      ? context.body(asset, 200, { 'content-type': type })
      : context.text('There is no such file.\n', 404)
  })
  pages.notFound((context) => context.text('There is no such page.\n', 404))
  return pages
}

type Body = (text: string, status: 200, headers: Record<string, string>) => Response

function served(body: Body, text: string, kind: string): Response {
  return body(text, 200, { 'content-type': contentTypes[kind] as string })
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch {
    return undefined
  }
}

/** Allows only files of this server, and no inline scripts. Only `/stately` may frame Stately's page. */
function policyFor(path: string, host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "worker-src 'self'",
    `connect-src 'self' ws://${host}`,
    path === '/stately' ? `frame-src ${statelyOrigin} https://*.stately.ai` : "frame-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}
