/** API keys: made, listed and revoked by admins; a key itself is shown once. */
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import { empty, json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { apiKeyBody, apiKeyCreatedReply, apiKeysReply } from './schemas.ts'
import { TABLES_POSITION } from './tables-position.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'apiKeys' | 'authenticator'>

const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/
const EXAMPLE_ID = 'key_01K5ZC4N8XQ2M7V3H9R6T1B0DW'

export function apiKeyRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: CREATE, handle: (call) => create(parts, call) },
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: REVOKE, handle: (call) => revoke(parts, call) },
  ]
}

const CREATE: Operation = {
  method: 'post',
  path: '/v1/api-keys',
  operationId: 'createApiKey',
  tag: 'API keys',
  summary: 'Make an API key',
  description: 'The key is in this reply and nowhere else: only its hash is kept.',
  access: 'admin',
  changes: true,
  body: { schema: apiKeyBody, example: { name: 'checkout service', role: 'service' } },
  success: {
    status: 201,
    description: 'The key, shown this once.',
    schema: apiKeyCreatedReply,
    example: { id: EXAMPLE_ID, key: 'hf_…' },
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: ['api-keys-full'],
}

async function create({ apiKeys }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, apiKeyBody)
  const { name, role } = body
  const createdBy = call.principal?.callerId ?? ''
  const reply = await apiKeys.create({ name, role, createdBy }, tableKey(call, body))
  const { id, key } = reply
  return json(
    call,
    201,
    { id, key },
    withReplay({ ...TABLES_POSITION, location: `/v1/api-keys/${id}` }, reply),
  )
}

const LIST: Operation = {
  method: 'get',
  path: '/v1/api-keys',
  operationId: 'listApiKeys',
  tag: 'API keys',
  summary: 'List the API keys',
  access: 'admin',
  success: {
    status: 200,
    description: 'All keys that have not been revoked, without the keys themselves.',
    schema: apiKeysReply,
    example: {
      apiKeys: [
        {
          id: EXAMPLE_ID,
          name: 'checkout service',
          role: 'service',
          createdBy: 'key_admin',
          createdAt: '2026-11-20T09:30:00.000Z',
        },
      ],
    },
  },
  problems: [],
}

async function list({ apiKeys }: Parts, call: Call): Promise<Response> {
  const entries = await apiKeys.list()
  return json(call, 200, {
    apiKeys: entries.map(({ id, name, role, createdBy, createdAtMs }) => {
      return { id, name, role, createdBy, createdAt: timeOf(createdAtMs) }
    }),
  })
}

const REVOKE: Operation = {
  method: 'delete',
  path: '/v1/api-keys/{id}',
  operationId: 'revokeApiKey',
  tag: 'API keys',
  summary: 'Revoke an API key',
  description:
    'It is refused from now on; other processes that looked it up lately hear of it within five seconds.',
  access: 'admin',
  changes: true,
  success: { status: 204, description: 'The key is revoked.', headers: ['Holdfast-Position'] },
  problems: ['unknown-api-key'],
}

async function revoke({ apiKeys, authenticator }: Parts, call: Call): Promise<Response> {
  const id = call.context.req.param('id') ?? ''
  if (!KEY_ID.test(id)) throw unknownApiKey()
  const reply = await apiKeys.revoke(id, tableKey(call, {}))
  if (!reply.revoked) throw unknownApiKey()
  authenticator.forget(id)
  return empty(call, withReplay(TABLES_POSITION, reply))
}

function unknownApiKey(): Problem {
  return new Problem('unknown-api-key', 'There is no such API key.')
}
