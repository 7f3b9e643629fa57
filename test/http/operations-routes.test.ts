import * as assert from 'uvu/assert'
import { PROBLEMS } from '../../src/http/problems.ts'
import { readinessReply } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { AccountsWorld, ADMIN_KEY } from './accounts-world.ts'
import { type CallOptions, fakes } from './fake-parts.ts'
import { shop } from './shop-parts.ts'

const PARTS = [
  { name: 'shard 0', ready: true },
  { name: 'shard 1', ready: false, reason: 'replaying the journal' },
]

const health = suite('health')

health('the process is live whatever its parts do', async () => {
  const { call } = fakes({ readiness: { ready: false, parts: PARTS } })
  const reply = await call('GET', '/livez')
  assert.is(reply.status, 200)
  assert.equal(reply.body, { live: true })
})

health('the status of readiness is open; parts and reasons need a service key', async () => {
  const { call } = fakes({ readiness: { ready: false, parts: PARTS } })
  for (const as of [undefined, 'ann']) {
    const reply = await call('GET', '/readyz', as === undefined ? {} : { as })
    assert.is(reply.status, 503)
    assert.equal(reply.body, { ready: false })
    assert.match(reply.headers.get('retry-after') ?? '', /^\d+$/)
  }
  const reply = await call('GET', '/readyz', { as: 'service' })
  assert.is(reply.status, 503)
  assert.equal(reply.body, { ready: false, parts: PARTS })
  assert.ok(readinessReply.safeParse(reply.body).success)
})

health('once all parts are ready it says so', async () => {
  const { call } = fakes({ readiness: { ready: true, parts: [] } })
  const reply = await call('GET', '/readyz')
  assert.is(reply.status, 200)
  assert.equal(reply.body, { ready: true })
})

health.run()

const metrics = suite('GET /metrics')

metrics('needs a service key', async () => {
  const { call } = fakes()
  assert.is((await call('GET', '/metrics')).status, 401)
  assert.is((await call('GET', '/metrics', { as: 'ann' })).status, 403)
  const reply = await call('GET', '/metrics', { as: 'service' })
  assert.is(reply.status, 200)
  assert.is(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
})

metrics('is open where the configuration says so', async () => {
  const { call } = fakes({ metricsPublic: true })
  assert.is((await call('GET', '/metrics')).status, 200)
})

metrics('counts by template, so that probing paths makes no new series', async () => {
  const { call } = fakes({ metricsPublic: true })
  for (let i = 0; i < 50; i++) await call('GET', `/probe-${i}`)
  for (let i = 0; i < 50; i++) await call('GET', `/v1/products/p${i}/stock`)
  const { text } = await call('GET', '/metrics')
  assert.match(text, 'holdfast_http_requests_total{route="(none)",method="(any)",status="404"} 50')
  assert.match(
    text,
    'holdfast_http_requests_total{route="/v1/products/{id}/stock",method="GET",status="200"} 50',
  )
  assert.not.match(text, /probe-|p49/)
})

metrics.run()

type Document = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}
type Operation = {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly parameters?: readonly { readonly name: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, unknown>>
        readonly content?: Readonly<Record<string, { readonly examples?: object }>>
      }
    >
  >
}

/** What people ask for needs people; whether there is what an example names is not the question. */
const OF_PEOPLE = /^\/v1\/(?:auth|me|users)\b/

const asyncapi = suite('GET /asyncapi.json')

asyncapi('is for anyone, and describes what a broker is told', async () => {
  const { call } = fakes()
  const reply = await call('GET', '/asyncapi.json')
  assert.is(reply.status, 200)
  const { asyncapi: version, components } = JSON.parse(reply.text)
  assert.is(version, '3.0.0')
  assert.ok('holdfast.order.confirmed.v1' in components.messages)
})

asyncapi.run()

const openapi = suite('GET /openapi.json')

async function readDocument(): Promise<Document> {
  const { call } = fakes()
  const reply = await call('GET', '/openapi.json')
  assert.is(reply.status, 200)
  const document: Document = JSON.parse(reply.text)
  return document
}

openapi('is OpenAPI 3.1 and describes every route there is, and no other', async () => {
  const { app } = fakes()
  const document = await readDocument()
  assert.match(document.openapi, /^3\.1\./)
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  assert.equal(described.sort(), app.routes.map(({ method, path }) => `${method} ${path}`).sort())
})

openapi('every operation has an id of its own, a tag, a summary, and an example of its body', async () => {
  const ids = new Set<unknown>()
  for (const [path, methods] of Object.entries((await readDocument()).paths)) {
    for (const operation of Object.values(methods)) {
      assert.ok(operation.operationId, path)
      assert.is(operation.tags?.length, 1, path)
      assert.ok(operation.summary, path)
      ids.add(operation.operationId)
      if (operation.requestBody !== undefined) {
        const [content] = Object.values(operation.requestBody.content)
        assert.ok(content?.example, path)
      }
    }
  }
  const count = Object.values((await readDocument()).paths).flatMap((methods) => Object.keys(methods)).length
  assert.is(ids.size, count)
})

openapi('every reply of 200 has a body, and says of which type', async () => {
  const document = await readDocument()
  const silent = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).flatMap(({ operationId, responses }) =>
      Object.entries(responses).flatMap(([status, { content }]) =>
        status === '200' && Object.keys(content ?? {}).length === 0 ? [operationId] : [],
      ),
    ),
  )
  assert.equal(silent, [])
})

openapi('every operation’s problems have their status and an example each', async () => {
  const codes = new Set<string>()
  for (const methods of Object.values((await readDocument()).paths)) {
    for (const { responses } of Object.values(methods)) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        for (const code of Object.keys(content['application/problem+json']?.examples ?? {})) {
          assert.is(String(PROBLEMS[code as keyof typeof PROBLEMS].status), status, code)
          codes.add(code)
        }
      }
    }
  }
  const beforeRouting = ['method-not-allowed', 'request-timeout', 'headers-too-large']
  assert.equal([...codes, ...beforeRouting].sort(), Object.keys(PROBLEMS).sort())
})

/** A file that comes again changes nothing more, without a key; its position comes with the last line of the reply. */
const TELLS_AT_ITS_END = new Set(['/v1/products/import'])
/**
 * What a payment provider tells is known by the provider's own ids, and it asks for nothing back. What makes an index anew
 * changes nothing that anybody is told: begun twice it is done once.
 */
const KEYLESS = new Set(['post /v1/payments/webhooks/{provider}', 'post /v1/search/rebuild'])

openapi('every change tells its position', async () => {
  for (const [path, methods] of Object.entries((await readDocument()).paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      if (method === 'get' || TELLS_AT_ITS_END.has(path) || KEYLESS.has(`${method} ${path}`)) continue
      const [success] = Object.entries(responses).filter(([status]) => status.startsWith('2'))
      assert.ok(success?.[1].headers?.['Holdfast-Position'], `${method} ${path}`)
    }
  }
})

/** What no table route changes: there a request waits for the first one with its key. */
const SHARDS_ALONE = new Set(['Reservations', 'Stock', 'Sales', 'Waitlist'])

openapi(
  'every change takes an Idempotency-Key, says where it repeats a reply, and can refuse a key',
  async () => {
    for (const [path, methods] of Object.entries((await readDocument()).paths)) {
      for (const [method, { parameters = [], responses, tags = [] }] of Object.entries(methods)) {
        const [success] = Object.entries(responses).filter(([status]) => status.startsWith('2'))
        const name = `${method} ${path}`
        const changes = method !== 'get' && !KEYLESS.has(name) && !TELLS_AT_ITS_END.has(path)
        assert.is(
          parameters.some((each) => each.name === 'Idempotency-Key'),
          changes,
          name,
        )
        assert.is(success?.[1].headers?.['Idempotency-Replayed'] !== undefined, changes, name)
        const refusals = responses['422']?.content?.['application/problem+json']?.examples ?? {}
        assert.is('idempotency-mismatch' in refusals, changes, name)
        const conflicts = responses['409']?.content?.['application/problem+json']?.examples ?? {}
        assert.is('idempotency-in-flight' in conflicts, changes && !SHARDS_ALONE.has(tags[0] ?? ''), name)
      }
    }
  },
)

openapi(
  'all can be limited, health only with a token, and say what is left; what takes units can wait for a cool-down',
  async () => {
    const cooling: string[] = []
    for (const [path, methods] of Object.entries((await readDocument()).paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        for (const [status, { headers = {} }] of Object.entries(responses)) {
          assert.ok('RateLimit' in headers && 'RateLimit-Policy' in headers, `${path} ${status}`)
        }
        const refusals = responses['429']?.content?.['application/problem+json']?.examples ?? {}
        assert.ok('rate-limited' in refusals, path)
        if ('expiry-cooldown' in refusals) cooling.push(`${method} ${path}`)
      }
    }
    assert.equal(cooling.sort(), [
      'post /v1/checkout',
      'post /v1/products/{id}/waitlist',
      'post /v1/reservations',
    ])
  },
)

openapi('what is rarely answered is documented too', async () => {
  const { call } = fakes({ readiness: { ready: false, parts: [] } })
  const { paths } = await readDocument()
  const rare: readonly (readonly [path: string, suffix: string, options: CallOptions])[] = [
    ...Object.keys(paths).map((path) => [path, '', { as: 'nobody' }] as const),
    ...Object.keys(paths).map((path) => [path, '?%zz', { as: 'admin' }] as const),
    ['/v1/products/{id}/stock', '?at=1', { as: 'ann' }],
    ['/readyz', '', {}],
    ['/problems', '', { headers: { accept: 'text/html' } }],
    ['/problems/{code}', '', { headers: { accept: 'text/html' } }],
  ]
  for (const [path, suffix, options] of rare) {
    const [method = '', operation] = Object.entries(paths[path] ?? {})[0] ?? []
    const target = path.replace('{code}', 'out-of-stock').replace('{id}', 'pixel-11') + suffix
    const { status, headers } = await call(method.toUpperCase(), target, options)
    const type = headers.get('content-type')?.split(';')[0] ?? ''
    const { content = {} } = operation?.responses[status] ?? {}
    assert.ok(type in content, `${method} ${target}: ${status} ${type}`)
  }
})

openapi('every reference leads somewhere', async () => {
  const document = await readDocument()
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
  assert.ok(references.length > 10)
  for (const [, name = ''] of references) assert.ok(name in document.components.schemas, name)
})

/** Their examples name carts and orders that this world has not. */
const OF_BUYERS = /^\/v1\/(?:cart|checkout|payment)\b/

openapi('its examples of bodies are accepted', async () => {
  using world = shop()
  const { call } = world
  world.sell('usr_ann', 'iphone-17-pro')
  const accounts = new AccountsWorld()
  const { access } = await accounts.register()
  for (const [path, methods] of Object.entries((await readDocument()).paths)) {
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const example = requestBody?.content['application/json']?.example
      if (example === undefined) continue
      const real = path
        .replace('/reservations/{id}', '/reservations/res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05')
        .replace('{id}', 'iphone-17-pro')
      if (OF_PEOPLE.test(path)) {
        const as = path.startsWith('/v1/users') ? ADMIN_KEY : access
        const { status, text } = await accounts.call(method.toUpperCase(), real, { as, body: example })
        assert.ok(![400, 415, 500].includes(status), `${method} ${path}: ${text}`)
        continue
      }
      const as = path.endsWith('/reviews') || OF_BUYERS.test(path) ? 'ann' : 'admin'
      const reply = await call(method.toUpperCase(), real, { as, body: example })
      const needsMore = /^\/v1\/(?:orders|reconciliation)|\/discounts\//.test(path)
      if (OF_BUYERS.test(path) || needsMore) {
        assert.ok(![400, 415, 500].includes(reply.status), `${method} ${path}: ${reply.text}`)
        continue
      }
      assert.ok(reply.status < 300, `${method} ${path}: ${reply.text}`)
    }
  }
  accounts.close()
})

openapi.run()

const docs = suite('GET /docs')

docs('is one page that fetches nothing and runs nothing', async () => {
  const { call } = fakes()
  const reply = await call('GET', '/docs')
  assert.is(reply.status, 200)
  assert.is(reply.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = reply.headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.not.match(policy, /unsafe|\*/)
  assert.not.match(reply.text, /<script|<link|<img|<iframe|src=|@import|url\(/i)
  // As text, in the example of a field that takes one, a URL is nothing that anybody fetches.
  assert.not.match([...reply.text.matchAll(/<[^>]*>/g)].join('\n'), /https?:\/\//i)
})

docs('shows every operation with its example, its reply and its problems', async () => {
  const { call } = fakes()
  const { text } = await call('GET', '/docs')
  for (const [path, methods] of Object.entries((await readDocument()).paths)) {
    assert.ok(text.includes(path), path)
    for (const { operationId } of Object.values(methods))
      assert.ok(text.includes(`id="${operationId}"`), operationId)
  }
  for (const name of Object.keys((await readDocument()).components.schemas)) {
    assert.ok(text.includes(`id="schema-${name}"`), name)
  }
  for (const [, target = ''] of text.matchAll(/href="#([^"]+)"/g))
    assert.ok(text.includes(`id="${target}"`), target)
  assert.ok(text.includes('&quot;productId&quot;: &quot;iphone-17-pro&quot;'))
  assert.ok(text.includes('/problems/out-of-stock'))
})

docs('says how keys work, and of nothing that it comes later', async () => {
  const { call } = fakes()
  const { text } = await call('GET', '/docs')
  assert.match(text, 'Idempotency-Replayed')
  assert.not.match(text, /next version|in this version|one product at a time/)
})

docs.run()
