/** What a listener and the tables' thread say to each other, and the bounds of it. */
import type { ApiKey, ApiKeyHolder, NewApiKey } from './api-key.ts'
import type { ApiKeyRequest } from './api-keys.ts'
import type { TableKey } from './table-key.ts'
import type { TablesErrorCode } from './tables-error.ts'

/** Calls one listener waits for. Beyond it a call is refused at once. */
export const tablesCallsInFlightMax = 1_024
/** Requests that wait in the thread, from all listeners. */
export const tablesQueueMax = 16_384
/** Requests that share a transaction, so that its first caller does not wait for thousands. */
export const tablesBatchMax = 512
/** How long a caller waits. Longer than the writer waits for another process to let go of the file. */
export const tablesTimeoutMs = 8_000

/** A change may carry a key: it is then made once, and answered as before whenever it comes again. */
type Keyed = { readonly key?: TableKey | undefined }
/** True where the answer is that of an earlier change under the same key. */
export type Replayable = { readonly replayed?: true }

export type CreateApiKey = { readonly type: 'createApiKey' } & ApiKeyRequest & Keyed
export type ListApiKeys = { readonly type: 'listApiKeys' }
export type RevokeApiKey = { readonly type: 'revokeApiKey'; readonly id: string } & Keyed
export type FindApiKey = { readonly type: 'findApiKey'; readonly hash: string }

export type TablesRequest = CreateApiKey | ListApiKeys | RevokeApiKey | FindApiKey

export type ReplyTo<R extends TablesRequest> = R extends CreateApiKey
  ? NewApiKey & Replayable
  : R extends ListApiKeys
    ? readonly ApiKey[]
    : R extends RevokeApiKey
      ? Revocation
      : ApiKeyHolder | undefined

/** `revoked` is false where there was no such key, or it was revoked before. */
export type Revocation = Replayable & { readonly revoked: boolean }

/** From a listener: what its callers asked in one tick. */
export type ToTables = {
  readonly requests: readonly { readonly call: number; readonly request: TablesRequest }[]
}

export type Outcome =
  | { readonly type: 'answered'; readonly reply: ReplyTo<TablesRequest> }
  | { readonly type: 'failed'; readonly code: TablesErrorCode; readonly message: string }

/** To a listener: the outcomes of one turn. */
export type FromTables =
  | {
      readonly type: 'outcomes'
      /** Ids of keys revoked in this turn, whoever asked. To be heeded before the outcomes. */
      readonly revoked: readonly string[]
      readonly outcomes: readonly { readonly call: number; readonly outcome: Outcome }[]
    }
  /** The last message. Calls without an outcome will have none. */
  | { readonly type: 'ended'; readonly code: 'shutting-down' | 'unavailable'; readonly message: string }

/** Whether a request changes nothing, whatever becomes of it. */
export function isRead(request: TablesRequest): boolean {
  return request.type === 'listApiKeys' || request.type === 'findApiKey'
}

/** The idempotency key of a change, if it came with one. */
export function keyOf(request: TablesRequest): TableKey | undefined {
  return 'key' in request ? request.key : undefined
}
