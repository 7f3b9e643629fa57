/**
 * What was answered under an idempotency key, in the transaction of the change itself. An answer may hold a secret that is
 * shown once, so it is kept sealed: only who has the key can read it, and the table has the key's hash alone.
 */
import type { Database } from 'better-sqlite3'
import { keyKnownMs, keyKnownMsMin } from '../../limits.ts'
import type { Random } from '../../seams.ts'
import { seal, type TableKey, unseal } from './table-key.ts'
import { TablesError } from './tables-error.ts'

/** Records: some 400 bytes each. Past it the oldest beyond an hour go; where there are none, keyed changes wait. */
export const idempotencyRecordsMax = 10_000
/** Records that one change forgets at most, so that it never pays for all of a busy day before it. */
const forgottenPerChangeMax = 100

type Row = { readonly fingerprint: string; readonly atMs: number; readonly sealed: Buffer }
type Replayed = { readonly replayed: true }

export class IdempotencyRecords {
  readonly #random: Random
  readonly #rowsMax: number
  readonly #find
  readonly #insert
  readonly #count
  readonly #forgetBefore

  constructor(database: Database, random: Random, rowsMax: number = idempotencyRecordsMax) {
    this.#random = random
    this.#rowsMax = rowsMax
    this.#find = database.prepare<[string], Row>(
      'SELECT fingerprint, at_ms AS atMs, sealed FROM idempotency_records WHERE hash = ?',
    )
    this.#insert = database.prepare<[string, string, number, Buffer]>(
      'INSERT OR REPLACE INTO idempotency_records (hash, fingerprint, at_ms, sealed) VALUES (?, ?, ?, ?)',
    )
    this.#count = database.prepare<[], { readonly rows: number }>(
      'SELECT count(*) AS rows FROM idempotency_records',
    )
    this.#forgetBefore = database.prepare<[number, number]>(
      `DELETE FROM idempotency_records WHERE hash IN
         (SELECT hash FROM idempotency_records WHERE at_ms <= ? ORDER BY at_ms LIMIT ?)`,
    )
  }

  /**
   * Makes a change once, and answers as before whenever it comes again; `isKept` says which answers are worth it. Runs
   * within the transaction its caller opened. Throws `TablesError` `idempotency-mismatch` and `overloaded`.
   */
  once<Reply extends object>(
    change: { readonly key: TableKey | undefined; readonly nowMs: number },
    make: () => Reply,
    isKept: (reply: Reply) => boolean,
  ): Reply | (Reply & Replayed) {
    const { key, nowMs } = change
    if (key === undefined) return make()
    const known = this.#find.get(key.hash)
    if (known !== undefined && known.atMs > nowMs - keyKnownMs)
      return { ...read<Reply>(known, key), replayed: true }
    this.#makeRoom(nowMs)
    const reply = make()
    if (isKept(reply)) {
      const sealed = seal(JSON.stringify(reply), key, this.#random)
      this.#insert.run(key.hash, key.fingerprint, nowMs, sealed)
    }
    return reply
  }

  #makeRoom(nowMs: number): void {
    this.#forgetBefore.run(nowMs - keyKnownMs, forgottenPerChangeMax)
    const rows = this.#count.get()?.rows ?? 0
    if (rows < this.#rowsMax) return
    if (this.#forgetBefore.run(nowMs - keyKnownMsMin, forgottenPerChangeMax).changes > 0) return
    throw new TablesError(
      'overloaded',
      `${rows} idempotency keys of the last hour are the most there can be.`,
    )
  }
}

function read<Reply extends object>({ fingerprint, sealed }: Row, key: TableKey): Reply {
  if (fingerprint !== key.fingerprint) {
    throw new TablesError('idempotency-mismatch', 'The key came with another body before.')
  }
  const text = unseal(sealed, key)
  if (text === undefined)
    throw new TablesError('invalid', 'What is kept under this idempotency key is damaged.')
  // The same key has the same route, so what is read is what that route's change answered.
  return JSON.parse(text) as Reply
}
