/** The table of API keys. Knows no key, only hashes. */
import { assert } from '../../domain/assert.ts'
import {
  type ApiKey,
  type ApiKeyHolder,
  type ApiKeyRole,
  apiKeyRoles,
  drawApiKey,
  hashOfApiKey,
  type NewApiKey,
} from './api-key.ts'
import { type Moment, read, write } from './operation.ts'
import { alone, change, glance, type Query, row, rows } from './query.ts'
import { TablesError } from './tables-error.ts'

/** Keys, live and revoked. Past it the one revoked first is forgotten; where all are live, no further one is made. */
export const apiKeysMax = 10_000

export type ApiKeyRequest = { readonly name: string; readonly role: ApiKeyRole; readonly createdBy: string }
/** `revoked` is false where there was no such key, or it was revoked before. */
export type Revocation = { readonly revoked: boolean }

type Row = {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAtMs: number
  readonly createdBy: string
}

export const apiKeyOperations = {
  'apiKeys.create': write((request: ApiKeyRequest, moment) => createApiKey(request, moment)),
  'apiKeys.list': read((_: Record<never, never>) => listApiKeys()),
  'apiKeys.revoke': write(({ id }: { readonly id: string }, moment) => revokeApiKey(id, moment), {
    isKept: ({ revoked }) => revoked,
  }),
  'apiKeys.find': read(({ hash }: { readonly hash: string }) => findApiKey(hash)),
}

/** Throws `TablesError` `api-keys-full` where there are as many live keys as there may be. */
export function* createApiKey(
  request: ApiKeyRequest,
  { nowMs, random }: Pick<Moment, 'nowMs' | 'random'>,
  keysMax: number = apiKeysMax,
): Query<NewApiKey> {
  yield* alone('api keys')
  const [count] = yield* glance<{ readonly keys: number }>('SELECT count(*) AS keys FROM api_keys')
  const keys = count?.keys ?? 0
  if (keys >= keysMax && (yield* forgetFirstRevoked()) === 0) {
    throw new TablesError(
      'api-keys-full',
      `There are ${keys} API keys, none of them revoked. Revoke one first.`,
    )
  }
  const drawn = drawApiKey(random)
  yield* change(
    'INSERT INTO api_keys (id, name, role, hash, created_at_ms, created_by) VALUES (?, ?, ?, ?, ?, ?)',
    drawn.id,
    request.name,
    request.role,
    hashOfApiKey(drawn.key),
    nowMs,
    request.createdBy,
  )
  return drawn
}

function forgetFirstRevoked(): Query<number> {
  return change(
    `DELETE FROM api_keys WHERE id =
       (SELECT id FROM api_keys WHERE revoked_at_ms IS NOT NULL ORDER BY revoked_at_ms, id LIMIT 1)`,
  )
}

/** Those not revoked, the newest first. */
export function* listApiKeys(): Query<readonly ApiKey[]> {
  const found = yield* rows<Row>(
    `SELECT id, name, role, created_at_ms AS "createdAtMs", created_by AS "createdBy"
       FROM api_keys WHERE revoked_at_ms IS NULL ORDER BY created_at_ms DESC, id`,
  )
  return found.map((key) => ({ ...key, role: roleOf(key.role) }))
}

/** The row of a revoked key stays, so that its id is not forgotten. */
export function* revokeApiKey(
  id: string,
  { nowMs, notify }: Pick<Moment, 'nowMs' | 'notify'>,
): Query<Revocation> {
  const sql = 'UPDATE api_keys SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL'
  const revoked = (yield* change(sql, nowMs, id)) === 1
  if (revoked) notify({ type: 'keyRevoked', id })
  return { revoked }
}

/** Who holds the key with this hash (`hashOfApiKey`), unless it is revoked. */
export function* findApiKey(hash: string): Query<ApiKeyHolder | undefined> {
  const found = yield* row<{ readonly id: string; readonly role: string }>(
    'SELECT id, role FROM api_keys WHERE hash = ? AND revoked_at_ms IS NULL',
    hash,
  )
  return found === undefined ? undefined : { id: found.id, role: roleOf(found.role) }
}

function roleOf(text: string): ApiKeyRole {
  const role = apiKeyRoles.find((each) => each === text)
  assert(role !== undefined, `an API key has the role ${text}, which is none`)
  return role
}
