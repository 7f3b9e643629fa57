/** Requests as the document allows them, and what is done to them: nothing to most, one thing or a few to the rest. */
import fc from 'fast-check'
import { BODIES } from './bodies.ts'
import type { ApiDocument, Parameter, Place, Schema } from './document.ts'
import { placesOf } from './document.ts'
import { type RawBody, rawBody } from './raw-bodies.ts'
import { type BodyForm, uploadsOf } from './uploads.ts'
import { DISCOUNTS, fitting, mark, NAMED, PRODUCTS, strangeValues } from './values.ts'

/** Plain data, so that a failure can be printed and sent again; texts may hold marks. */
export type FuzzRequest = {
  readonly method: string
  /** Path and query, encoded. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: RawBody | undefined
  /** Comes through a socket, from this address; as a bare `Request` where there is none. */
  readonly from: string | undefined
}

type Schemas = ApiDocument['components']['schemas']
type Expected = { readonly type: string | undefined; readonly callers: 'any' | 'keys' | 'people' }
type Fields = readonly (readonly [name: string, value: string])[]

const JSON_TYPE = 'application/json'
const BODILESS: BodyForm = { type: undefined, body: fc.constant(undefined) }
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'post']
/** In the proportion in which they are used. */
const PEOPLE = ['«access-token 0»', '«access-token 0»', '«access-token 1»', '«access-token 2»']
const TOKENS = [
  'ann',
  'ann',
  'bob',
  ...Array.from({ length: 7 }, () => 'admin'),
  '«key 0»',
  '«key 1»',
  ...PEOPLE,
]
/** Where keys are refused, nearly all are people. */
const PEOPLE_TOKENS = ['ann', 'ann', 'ann', 'bob', ...PEOPLE, 'admin']
/** Where customers are refused, there are fewer of them. */
const KEY_TOKENS = [...TOKENS, ...Array.from({ length: 20 }, () => 'admin')]
const STRANGE_TOKENS = ['nobody', 'hf_0123456789abcdef0123456789abcdef', '«key 5»']
const STRANGE_TARGETS = [
  ...[
    '/',
    '//',
    '/v1',
    '/v1/',
    '/v1/reservations/',
    '/V1/stock',
    '/v1/stock;x=1',
    '/v1//stock',
    '/*',
    '/.%2e/livez',
  ],
  ...[
    '/v1/products/%zz/stock',
    '/v1/products/a%2Fb/stock',
    '/%',
    '/v1/products/%00/stock',
    '/v1/%73tock?productIds=stock-a',
  ],
  ...[
    '/livez?%zz',
    '/problems/%E0%A4%A',
    '/v1/products/../../livez',
    '/problems/__proto__',
    '/problems/out-of-stock',
  ],
  ...[
    '/v1/products/search/stock',
    '/v1/products/%25/stock',
    '/v1/products/ä/stock',
    '/problems/rate-limited',
  ],
]

/** Mostly to one of the document's operations. */
export function requestTo(document: ApiDocument): fc.Arbitrary<FuzzRequest> {
  const usual = placesOf(document).map((place) => ({
    weight: weightOf(place),
    arbitrary: requestAt(place, document),
  }))
  return fc.oneof({ weight: 40, arbitrary: fc.oneof(...usual) }, { weight: 1, arbitrary: strays() })
}

/** What most other requests are about. */
const BUSY = new Set(['/v1/reservations', '/v1/cart/add', '/v1/checkout', '/v1/payment'])

/** Pages answer the same whatever came before; what is reserved, half of the other requests are about. */
function weightOf({ path, method }: Place): number {
  if (!path.startsWith('/v1/')) return 1
  if (method === 'POST' && BUSY.has(path)) return 24
  // What is retired stays so, and nothing more can be done with it.
  if (method === 'DELETE' && path === '/v1/products/{id}') return 1
  return method === 'GET' ? 4 : 8
}

function requestAt(place: Place, { components: { schemas } }: ApiDocument): fc.Arbitrary<FuzzRequest> {
  const { parameters = [], requestBody } = place.operation
  const schema = requestBody?.content['application/json']?.schema
  const types = Object.keys(requestBody?.content ?? {})
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const target = fc
    .tuple(
      fc.record(Object.fromEntries(inPath.map((each) => [each.name, pathValue(place, each)]))),
      queryOf(inQuery, schemas),
    )
    .map(([values, query]) => place.path.replaceAll(/\{(\w+)\}/g, (_, name) => String(values[name])) + query)
  const json =
    schema === undefined ? [] : [{ type: JSON_TYPE, body: rawBody(bodyOf(place, schema, schemas)) }]
  const forms: readonly BodyForm[] = [...json, ...uploadsOf(types, schemas)]
  const requests = (forms.length === 0 ? [BODILESS] : forms).map(({ type, body }) =>
    fc.record({
      method: mostly(fc.constant(place.method), fc.constantFrom(...METHODS), 25),
      target,
      headers: headers({ type, callers: callersOf(place) }),
      body: requestBody?.required === false ? fc.option(body, { nil: undefined }) : body,
      from: fc.option(fc.constantFrom('10.0.0.1', '10.0.0.2', '::1'), { nil: undefined }),
    }),
  )
  return fc.oneof(...requests)
}

/** Half of the bodies whose members must fit each other do. */
function bodyOf(
  { operation: { operationId } }: Place,
  schema: Schema,
  schemas: Schemas,
): fc.Arbitrary<unknown> {
  const any = fitting(schema, schemas)
  const known = BODIES[operationId]
  return known === undefined ? any : fc.oneof(known, any)
}

/** To nowhere in particular. */
function strays(): fc.Arbitrary<FuzzRequest> {
  return fc.record({
    method: fc.constantFrom(...METHODS),
    target: fc.oneof(
      fc.constantFrom(...STRANGE_TARGETS),
      fc.webPath(),
      fc.string().map((text) => `/${encodeURI(wellFormed(text))}`),
    ),
    headers: headers({ type: undefined, callers: 'any' }),
    body: fc.constant(undefined),
    from: fc.option(fc.constant('10.0.0.1'), { nil: undefined }),
  })
}

function pathValue({ path }: Place, { name, example = 'x' }: Parameter): fc.Arbitrary<string> {
  const usual = path.startsWith('/v1/reservations')
    ? mark('reservation')
    : path.startsWith('/v1/products')
      ? fc.constantFrom(...PRODUCTS)
      : path.startsWith('/v1/api-keys')
        ? mark('key-id')
        : path.startsWith('/v1/webhooks')
          ? mark(name === 'deliveryId' ? 'delivery' : 'webhook')
          : path.startsWith('/v1/me/addresses')
            ? mark('address')
            : path.startsWith('/v1/orders')
              ? mark('order')
              : path.startsWith('/v1/discounts')
                ? fc.constantFrom(...DISCOUNTS)
                : path.startsWith('/v1/payments')
                  ? fc.constantFrom('sandbox', 'stripe')
                  : path.startsWith('/v1/users')
                    ? mark('user')
                    : path.startsWith('/images')
                      ? mark('image')
                      : fc.constant(example)
  const strange = fc.oneof(
    fc.constantFrom(
      example,
      'search',
      '%00',
      '%2e%2e',
      'a%2Fb',
      '%zz',
      '%F0%9F%92%A5',
      'a'.repeat(65),
      'a b',
      '%0A',
    ),
    fc.string({ minLength: 1 }).map((text) => encodeURIComponent(wellFormed(text))),
    fc.constantFrom('res_01K5ZC4N8XQ2M7V3H9R6T1B0DWZZ', 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW00', 'key_admin'),
  )
  return mostly(usual, strange, 25)
}

/** Each parameter or none of it; now and then one more, one twice, or something else in its place. */
function queryOf(parameters: readonly Parameter[], schemas: Schemas): fc.Arbitrary<string> {
  const each = parameters.map(({ name, required = false, schema }) => {
    const usual = NAMED[name] ?? fitting(schema, schemas).map(asText)
    const pair = mostly(usual, strangeValues.map(asText), 15).map((value) => `${name}=${queryText(value)}`)
    return required ? mostly(pair, fc.constant(''), 15) : fc.oneof(fc.constant(''), pair)
  })
  const more = mostly(
    fc.constant(''),
    fc.constantFrom('x=1', '%zz', '&&', '=', 'limit=1&limit=2', '__proto__=1'),
    25,
  )
  return fc.tuple(...each, more).map((parts) => {
    const given = parts.filter((part) => part !== '')
    return given.length === 0 ? '' : `?${given.join('&')}`
  })
}

/** Marks stay as they are, to be found again. */
function queryText(text: string): string {
  return /^«.*»$/.test(text) ? text : encodeURIComponent(wellFormed(text))
}

function callersOf({ operation: { description = '', responses } }: Place): Expected['callers'] {
  if (description.includes('For people who have signed in')) return 'people'
  return '403' in responses ? 'keys' : 'any'
}

const TOKENS_OF = { any: TOKENS, keys: KEY_TOKENS, people: PEOPLE_TOKENS }

function headers({ type, callers }: Expected): fc.Arbitrary<Fields> {
  const token = mostly(fc.constantFrom(...TOKENS_OF[callers]), fc.constantFrom(...STRANGE_TOKENS), 20)
  const authorization = mostly(
    token.map((text) => `Bearer ${text}`),
    fc.constantFrom(undefined, 'Basic YTpi', 'Bearer', 'bearer  admin', 'Bearer ä', ''),
    12,
  )
  const contentType = mostly(
    fc.constant(type),
    fc.constantFrom(
      undefined,
      'application/json; charset=utf-8',
      'text/plain',
      'application/json; charset=utf-16',
      '',
    ),
    20,
  )
  const key = fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 3, arbitrary: fc.constantFrom('key-1', '"key-1"', 'key-2', 'key-3') },
    { weight: 10, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: fc.constantFrom('', '"', '""', 'a b', 'ä', 'x'.repeat(256), '"\\""') },
  )
  const rare = (...values: string[]) => mostly(fc.constant(undefined), fc.constantFrom(...values), 25)
  const fields: Readonly<Record<string, fc.Arbitrary<string | undefined>>> = {
    authorization,
    'content-type': contentType,
    'idempotency-key': key,
    accept: rare('text/html', '*/*', 'application/xml'),
    'content-encoding': rare('gzip', 'identity', 'br, gzip'),
    'content-length': rare('99999999', '-1', 'x', '0'),
    'if-match': rare('*', '"1"', '"2-x", W/"3"', '1', ''),
    'if-none-match': rare('*', '"1"', 'W/"x"', 'x'),
    'x-request-id': rare('mine-1', 'a b', 'ä', 'x'.repeat(500), ''),
    'last-event-id': rare('1', 'x', '-1', '0'),
    'x-forwarded-for': rare('10.0.0.9', 'unknown', ',,,', '::ffff:10.0.0.1'),
  }
  return fc
    .record(fields)
    .map((given) =>
      Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    )
}

/** One of the second for each so many of the first. */
export function mostly<T, U>(
  usual: fc.Arbitrary<T>,
  strange: fc.Arbitrary<U>,
  weight: number,
): fc.Arbitrary<T | U> {
  return fc.oneof<[fc.WeightedArbitrary<T>, fc.WeightedArbitrary<U>]>(
    { weight, arbitrary: usual },
    { weight: 1, arbitrary: strange },
  )
}

function wellFormed(text: string): string {
  return text.toWellFormed()
}

/** Values without a prototype have no text of their own. */
function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
