/** The table of API keys. Knows no key, only hashes; every statement runs within the transaction its caller opened. */
import type { Database } from 'better-sqlite3'
import { assert } from '../../domain/assert.ts'
import type { Random } from '../../seams.ts'
import {
  type ApiKey,
  type ApiKeyHolder,
  type ApiKeyRole,
  apiKeyRoles,
  drawApiKey,
  hashOfApiKey,
  type NewApiKey,
} from './api-key.ts'
import { TablesError } from './tables-error.ts'

/** Keys, live and revoked. Past it the one revoked first is forgotten; where all are live, no further one is made. */
export const apiKeysMax = 10_000

export type ApiKeyRequest = { readonly name: string; readonly role: ApiKeyRole; readonly createdBy: string }

type Row = {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly createdAtMs: number
  readonly createdBy: string
}

export class ApiKeys {
  readonly #random: Random
  readonly #rowsMax: number
  readonly #insert
  readonly #count
  readonly #forgetFirstRevoked
  readonly #listLive
  readonly #revoke
  readonly #findLive

  constructor(database: Database, random: Random, rowsMax: number = apiKeysMax) {
    this.#random = random
    this.#rowsMax = rowsMax
    this.#insert = database.prepare<[string, string, string, string, number, string]>(
      'INSERT INTO api_keys (id, name, role, hash, created_at_ms, created_by) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#count = database.prepare<[], { readonly rows: number }>('SELECT count(*) AS rows FROM api_keys')
    this.#forgetFirstRevoked = database.prepare<[]>(
      `DELETE FROM api_keys WHERE id =
         (SELECT id FROM api_keys WHERE revoked_at_ms IS NOT NULL ORDER BY revoked_at_ms, id LIMIT 1)`,
    )
    this.#listLive = database.prepare<[], Row>(
      `SELECT id, name, role, created_at_ms AS createdAtMs, created_by AS createdBy
         FROM api_keys WHERE revoked_at_ms IS NULL ORDER BY created_at_ms DESC, id`,
    )
    this.#revoke = database.prepare<[number, string]>(
      'UPDATE api_keys SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL',
    )
    this.#findLive = database.prepare<[string], { readonly id: string; readonly role: string }>(
      'SELECT id, role FROM api_keys WHERE hash = ? AND revoked_at_ms IS NULL',
    )
  }

  /** Throws `TablesError` `api-keys-full` where there are as many live keys as there may be. */
  create(request: ApiKeyRequest, nowMs: number): NewApiKey {
    const rows = this.#count.get()?.rows ?? 0
    if (rows >= this.#rowsMax && this.#forgetFirstRevoked.run().changes === 0) {
      throw new TablesError(
        'api-keys-full',
        `There are ${rows} API keys, none of them revoked. Revoke one first.`,
      )
    }
    const drawn = drawApiKey(this.#random)
    this.#insert.run(drawn.id, request.name, request.role, hashOfApiKey(drawn.key), nowMs, request.createdBy)
    return drawn
  }

  /** Those not revoked, the newest first. */
  list(): ApiKey[] {
    return this.#listLive.all().map((row) => ({ ...row, role: roleOf(row.role) }))
  }

  /** Whether there was such a key, not revoked before. Its row stays, so that the key's id is not forgotten. */
  revoke(id: string, nowMs: number): boolean {
    return this.#revoke.run(nowMs, id).changes === 1
  }

  findByHash(hash: string): ApiKeyHolder | undefined {
    const row = this.#findLive.get(hash)
    return row === undefined ? undefined : { id: row.id, role: roleOf(row.role) }
  }
}

function roleOf(text: string): ApiKeyRole {
  const role = apiKeyRoles.find((each) => each === text)
  assert(role !== undefined, `an API key has the role ${text}, which is none`)
  return role
}
