/** The API keys as the HTTP layer asks for them. */
import type { ApiKey, ApiKeyHolder, NewApiKey } from './api-key.ts'
import type { ApiKeyRequest, Revocation } from './api-keys.ts'
import type { Replayable } from './idempotency-records.ts'
import type { Tables } from './operations.ts'
import type { TableKey } from './table-key.ts'

/** All reject with `TablesError`. */
export type ApiKeysClient = {
  /** The only time that the key itself is told, but for repetitions under the same idempotency key. */
  create(request: ApiKeyRequest, key?: TableKey): Promise<NewApiKey & Replayable>
  /** Those not revoked, the newest first. */
  list(): Promise<readonly ApiKey[]>
  /** Says whether there was such a key, not revoked before. */
  revoke(id: string, key?: TableKey): Promise<Revocation & Replayable>
  /** Who holds the key with this hash (`hashOfApiKey`), unless it is revoked. */
  findByHash(hash: string): Promise<ApiKeyHolder | undefined>
}

export function apiKeysOf(tables: Tables): ApiKeysClient {
  return {
    create: ({ name, role, createdBy }, key) =>
      tables.write('apiKeys.create', { name, role, createdBy }, key),
    list: () => tables.read('apiKeys.list', {}),
    revoke: (id, key) => tables.write('apiKeys.revoke', { id }, key),
    findByHash: (hash) => tables.read('apiKeys.find', { hash }),
  }
}
