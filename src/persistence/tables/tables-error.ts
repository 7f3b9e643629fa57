/** Why the tables did not answer. All but `outcome-unknown` mean that nothing happened. */
export type TablesErrorCode =
  /** Too many calls wait already. */
  | 'overloaded'
  /** The tables' thread is starting, has ended or is held up. */
  | 'unavailable'
  /** There are other nodes, and they have other tables. */
  | 'not-shared'
  /** No room to write. */
  | 'storage-full'
  | 'shutting-down'
  /** As many live keys as there may be. */
  | 'api-keys-full'
  /** The idempotency key came with another body before. */
  | 'idempotency-mismatch'
  /** The first request with this idempotency key waits for its turn. */
  | 'idempotency-in-flight'
  /** A value that the table's own checks refuse; whoever sent it should have checked it. */
  | 'invalid'
  /** A row is not what was written to it: nothing is done that rests on it. Somebody has to look. */
  | 'damaged'
  /** The change may have been made: the thread ended, or did not answer in time. */
  | 'outcome-unknown'

/** The same call would be refused again. */
const FINAL: readonly TablesErrorCode[] = ['api-keys-full', 'idempotency-mismatch', 'invalid', 'damaged']

export class TablesError extends Error {
  override readonly name = 'TablesError'
  readonly code: TablesErrorCode
  /** Whether the same call can go well later. */
  readonly retryable: boolean

  constructor(code: TablesErrorCode, message: string) {
    super(message)
    this.code = code
    this.retryable = !FINAL.includes(code)
  }
}

/** Why the tables cannot be opened at all. Somebody has to look. */
export type TablesBootErrorCode =
  /** The database does not have a setting without which acknowledged data could be lost. */
  | 'unsafe-settings'
  /** A migration was changed after it was applied. */
  | 'migration-changed'
  /** The file was written by a later version. */
  | 'schema-newer'
  /** A row is damaged, and the tables are to be migrated. */
  | 'damaged'
  /** The database server is of another version or kind than can be used. */
  | 'unsupported-server'
  /** It takes no changes. */
  | 'read-only'
  /** It cannot be reached, or lets nobody in. */
  | 'unreachable'
  /** It lets nobody make the tables. */
  | 'refused'
  /** They were moved to another database, or have not arrived whole. */
  | 'moved'

export class TablesBootError extends Error {
  override readonly name = 'TablesBootError'
  readonly code: TablesBootErrorCode

  constructor(code: TablesBootErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
