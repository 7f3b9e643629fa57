/** Writes the OpenAPI 3.1 document from the operations and the very schemas that validate. */
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathItemObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi'
import { PROBLEMS, type ProblemCode } from './problems.ts'
import { IMAGE } from './product-examples.ts'
import type { Operation } from './route.ts'
import { problemReply } from './schemas.ts'

export type OpenApiDocument = ReturnType<typeof createDocument>

const INTRODUCTION = `A stock reservation engine for flash sales: never oversold, never forgotten.

Errors are RFC 9457 problems; their \`type\` is a page of this server. Times are RFC 3339 in UTC. Unknown fields and query
parameters are refused. Changing replies carry \`Holdfast-Position\`, an opaque token to read one’s own write with.
429 and 503 always mean that nothing happened; 504 means that the outcome is not known.

Every call that changes something takes an \`Idempotency-Key\`: sent again by the same caller with the same key and the same
body, within 24 hours, it changes nothing more and is answered as before, with \`Idempotency-Replayed: true\`. Another
body under that key is 422. Only successes are kept: what was refused is decided afresh. Draw keys at random, a UUID for
instance, and a new one for each new request.`

const NOT_MODIFIED = 304

const TAGS: readonly { readonly name: Operation['tag']; readonly description: string }[] = [
  {
    name: 'Reservations',
    description: 'Units held for a buyer until they are confirmed, released or expire.',
  },
  { name: 'Stock', description: 'How many units there are.' },
  { name: 'Sales', description: 'When a product is sold, and how much of it to whom.' },
  { name: 'Waitlist', description: 'Who gets the units that come back.' },
  { name: 'Accounts', description: 'People: who they are, and where they live.' },
  { name: 'Catalog', description: 'What is sold, and what buyers say of it.' },
  { name: 'Cart and checkout', description: 'From the cart to the payment.' },
  { name: 'Orders', description: 'What was bought, and where it is.' },
  { name: 'Discounts', description: 'What makes an order cheaper.' },
  { name: 'Webhooks', description: 'Who is told what happens.' },
  { name: 'API keys', description: 'Who may call.' },
  { name: 'Reconciliation', description: 'What a restored backup lacks.' },
  { name: 'Operations', description: 'Running this server.' },
]

/** What is answered by the tables without any shard, and by shards without the tables. */
const TABLES_ALONE: readonly Operation['tag'][] = ['API keys', 'Accounts', 'Webhooks', 'Reconciliation']
const SHARDS_ALONE: readonly Operation['tag'][] = ['Reservations', 'Stock', 'Sales', 'Waitlist']

/** Of a reply to those who have limits. */
const LIMIT_FIELDS = ['RateLimit-Policy', 'RateLimit'] as const

const REPLY_HEADERS: Readonly<
  Record<string, { readonly description: string; readonly schema: { type: 'string' } }>
> = {
  Location: {
    description: 'Where what was made, or what was asked for, can be read.',
    schema: { type: 'string' },
  },
  'Holdfast-Position': {
    description: 'Opaque token of the place of this change.',
    schema: { type: 'string' },
  },
  ETag: {
    description: 'What is here now, for `If-Match` of a change and `If-None-Match` of a read.',
    schema: { type: 'string' },
  },
  'Idempotency-Replayed': {
    description: '`true` where this is the reply to an earlier request with the same `Idempotency-Key`.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': {
    description: 'The caller’s limits, where they have any: `q` requests, as many at once, in `w` seconds.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'What the caller has left of each: `r` requests; all of them again in `t` seconds.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    description: 'Seconds after which another try makes sense, with 429 and 503.',
    schema: { type: 'string' },
  },
  'X-Request-Id': {
    description: 'The client’s own id if it sent one, else one made here.',
    schema: { type: 'string' },
  },
}

export function openApiDocument(operations: readonly Operation[], version: string): OpenApiDocument {
  const paths: Record<string, ZodOpenApiPathItemObject> = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) }
  }
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version,
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: TAGS.map((tag) => ({ ...tag })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key (`hf_…`), the admin key, or an access token.',
        },
      },
    },
  }
  return createDocument(document)
}

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description, access, body, upload } = operation
  return {
    operationId,
    tags: [tag],
    summary,
    description: [description, roleOf(operation)].filter((text) => text !== undefined).join('\n\n'),
    security: access === 'anyone' ? [{}, { bearer: [] }] : [{ bearer: [] }],
    parameters: parametersOf(operation),
    ...(operation.query === undefined ? {} : { requestParams: { query: operation.query.schema } }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.optional !== true,
            content: { 'application/json': { schema: body.schema, example: body.example } },
          },
        }),
    ...(upload === undefined ? {} : { requestBody: { required: true, content: contentOf(upload) } }),
    responses: {
      [operation.success.status]: successOf(operation),
      ...otherSuccesses(operation),
      ...failuresOf(operation),
    },
  }
}

function contentOf({ contentTypes, example }: NonNullable<Operation['upload']>) {
  const content = { schema: { type: 'string' as const }, ...(example === undefined ? {} : { example }) }
  return Object.fromEntries(contentTypes.map((type) => [type, content]))
}

/** Who may call, in words. */
export function roleOf({ access }: Operation): string {
  switch (access) {
    case 'anyone':
      return 'For anyone.'
    case 'person':
      return 'For people who have signed in, each their own.'
    case 'customer':
      return 'For customers, each their own, and for services and above.'
    case 'service':
      return 'For services and above.'
    case 'staff':
      return 'For staff and admins.'
    case 'admin':
      return 'For admins.'
  }
}

const CONDITIONS = {
  'If-Match':
    'Do it only to this version: the `ETag` of a reply, of which the number before the dash counts. `*` is any there is.',
  'If-None-Match':
    'Of a read: answer 304 to whoever has this `ETag` already. Of a PUT: `*` makes, and never replaces.',
} as const

function parametersOf(operation: Operation): NonNullable<ZodOpenApiOperationObject['parameters']> {
  const { path, changes, conditions = [] } = operation
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    return { name, in: 'path', required: true, schema: { type: 'string' }, example: exampleOf(path) } as const
  })
  const conditional = conditions.map((name) => {
    const schema = { type: 'string', maxLength: 2_000 } as const
    return { name, in: 'header', description: CONDITIONS[name], schema, example: '"3"' } as const
  })
  if (changes !== true) return [...inPath, ...conditional]
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      '1 to 255 visible ASCII characters, quoted or bare. Known for 24 hours, for this caller and this path.',
    schema: { type: 'string', minLength: 1, maxLength: 257 },
    example: '8e03978e-40d5-43dd-bc93-6894a57f9324',
  } as const
  return [...inPath, ...conditional, key]
}

function exampleOf(path: string): string {
  if (path.startsWith('/v1/reservations/')) return 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05'
  if (path.startsWith('/v1/api-keys/')) return 'key_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
  if (path.startsWith('/images/')) return IMAGE.slice('/images/'.length)
  return path.startsWith('/problems/') ? 'out-of-stock' : 'iphone-17-pro'
}

function successOf({ success, changes }: Operation): ZodOpenApiResponseObject {
  const {
    description,
    schema,
    example,
    contentType = 'application/json',
    otherTypes = [],
    hasPage,
    headers = [],
  } = success
  const replayed = changes === true ? ['Idempotency-Replayed'] : []
  return {
    description,
    headers: headersNamed(...headers, ...replayed, ...LIMIT_FIELDS, 'X-Request-Id'),
    ...(schema === undefined
      ? {}
      : {
          content: {
            [contentType]: example === undefined ? { schema } : { schema, example },
            ...Object.fromEntries(otherTypes.map((type) => [type, { schema }])),
            ...(hasPage === true ? { 'text/html': { schema: { type: 'string' } } } : {}),
          },
        }),
  }
}

/** Of a call that makes or replaces, and of a read that the reader need not have again. */
function otherSuccesses(operation: Operation): Record<string, ZodOpenApiResponseObject> {
  const { success, conditions = [], changes } = operation
  const more: Record<string, ZodOpenApiResponseObject> = {}
  if (success.created !== undefined) {
    const { schema, example } = success
    more[success.created.status] = successOf({
      ...operation,
      success: { ...success.created, ...(schema === undefined ? {} : { schema }), example },
    })
  }
  if (success.sentOn !== undefined) {
    more[success.sentOn.status] = successOf({ ...operation, success: success.sentOn })
  }
  if (changes === true || !conditions.includes('If-None-Match')) return more
  const headers = headersNamed('ETag', ...LIMIT_FIELDS, 'X-Request-Id')
  more[NOT_MODIFIED] = { description: 'It is as `If-None-Match` knows it.', headers }
  return more
}

function headersNamed(...names: readonly string[]) {
  return Object.fromEntries(
    names.flatMap((name) => (REPLY_HEADERS[name] === undefined ? [] : [[name, REPLY_HEADERS[name]]])),
  )
}

/** One reply for each status, with an example for each problem that has it. */
function failuresOf(operation: Operation): Record<string, ZodOpenApiResponseObject> {
  const byStatus = Map.groupBy(problemsOf(operation), (code) => PROBLEMS[code].status)
  const replies = [...byStatus].map(([status, codes]) => {
    const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code) }]))
    const reply: ZodOpenApiResponseObject = {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join('\n'),
      headers: headersNamed(...LIMIT_FIELDS, 'Retry-After', 'X-Request-Id'),
      content: { 'application/problem+json': { schema: problemReply, examples } },
    }
    return [status, reply] as const
  })
  return withUnready(Object.fromEntries(replies), operation)
}

/** The problems of that status stay beside it. */
function withUnready(
  replies: Record<string, ZodOpenApiResponseObject>,
  { unready }: Operation,
): Record<string, ZodOpenApiResponseObject> {
  if (unready === undefined) return replies
  const { status, description, schema, example } = unready
  const others = replies[status]
  const reply: ZodOpenApiResponseObject = {
    ...others,
    description: [description, others?.description].filter((text) => text !== undefined).join('\n'),
    content: {
      'application/json': { ...(schema === undefined ? {} : { schema }), example },
      ...others?.content,
    },
  }
  return { ...replies, [status]: reply }
}

function exampleProblem(code: ProblemCode) {
  const { status, title, help } = PROBLEMS[code]
  return { type: `/problems/${code}`, title, status, detail: help, code, requestId: '5k2j9x0a-1' }
}

/** Those the operation names, and those that come with what it is. */
export function problemsOf(operation: Operation): readonly ProblemCode[] {
  const { access, body, upload, tag, changes, problems } = operation
  // Whatever is called, its URL is looked at, and a token that comes with it is looked up and charged.
  const codes: ProblemCode[] = ['rate-limited', 'malformed-request', 'unauthenticated']
  if (operation.takesUnits === true) codes.push('expiry-cooldown')
  if (operation.sells === true) codes.push('not-reconciled')
  if (tag !== 'Operations') codes.push('validation-failed')
  if (access !== 'anyone' && access !== 'customer') codes.push('forbidden')
  if (body !== undefined) codes.push('malformed-json', 'body-too-large', 'unsupported-media-type')
  if (upload !== undefined) codes.push('body-too-large', 'unsupported-media-type')
  codes.push(
    ...problems,
    'internal-error',
    'tables-unavailable',
    'tables-not-shared',
    'tables-damaged',
    'overloaded',
    'shutting-down',
  )
  if (tag === 'Operations') return [...new Set(codes)]
  const asksShards = !TABLES_ALONE.includes(tag)
  if (asksShards) codes.push('shard-unavailable')
  if (changes !== true) return [...new Set(codes)]
  codes.push('idempotency-mismatch', 'storage-full', 'outcome-unknown')
  if (asksShards) codes.push('command-quarantined')
  if (!SHARDS_ALONE.includes(tag)) codes.push('idempotency-in-flight')
  return [...new Set(codes)]
}
