/**
 * What was answered under an idempotency key, in the transaction of the change itself. An answer may hold a secret that is
 * shown once, so it is kept sealed: only who has the key can read it, and the table has the key's hash alone.
 */
import { keyKnownMs, keyKnownMsMin } from '../../limits.ts'
import { type Moment, read } from './operation.ts'
import { alone, change, type Query, row } from './query.ts'
import { seal, type TableKey, unseal } from './table-key.ts'
import { TablesError } from './tables-error.ts'

/** Records: some 400 bytes each. Past it the oldest beyond an hour go; where there are none, keyed changes wait. */
export const idempotencyRecordsMax = 1_000_000
/** Records that one change forgets at most, so that it never pays for all of a busy day before it. */
const forgottenPerChangeMax = 100
/** Counting a million rows costs more than any change: it is done for one change in so many, where the bound is that far. */
const countedOneIn = 256

type Row = { readonly fingerprint: string; readonly atMs: number; readonly sealed: Uint8Array }
/** True where the answer is that of an earlier change under the same key. */
export type Replayable = { readonly replayed?: true }

/** What is known of a key, for a change that has more to do before it is made than the tables do. */
export type Known = { readonly type: 'mismatch' } | { readonly type: 'answered'; readonly reply: object }

export const idempotencyOperations = {
  'idempotency.find': read(function* (args: {
    readonly key: TableKey
    readonly nowMs: number
  }): Query<Known | undefined> {
    try {
      const reply = yield* findAnswer<object>(args.key, args.nowMs)
      return reply === undefined ? undefined : { type: 'answered', reply }
    } catch (error) {
      if (error instanceof TablesError && error.code === 'idempotency-mismatch') return { type: 'mismatch' }
      throw error
    }
  }),
}

/**
 * Makes a change once, and answers as before whenever it comes again; `isKept` says which answers are worth it. Throws
 * `TablesError` `idempotency-mismatch` and `overloaded`.
 */
export function* once<Reply extends object>(
  { key, moment }: { readonly key: TableKey | undefined; readonly moment: Pick<Moment, 'nowMs' | 'random'> },
  make: () => Query<Reply>,
  isKept: (reply: Reply) => boolean,
  recordsMax: number = idempotencyRecordsMax,
): Query<Reply & Replayable> {
  if (key === undefined) return yield* make()
  const { nowMs, random } = moment
  yield* alone('idempotency key', key.hash)
  const known = yield* findAnswer<Reply>(key, nowMs)
  if (known !== undefined) return known
  yield* makeRoom(moment, recordsMax)
  const reply = yield* make()
  if (isKept(reply)) {
    yield* change(
      `INSERT INTO idempotency_records (hash, fingerprint, at_ms, sealed) VALUES (?, ?, ?, ?)
       ON CONFLICT (hash) DO UPDATE
         SET fingerprint = excluded.fingerprint, at_ms = excluded.at_ms, sealed = excluded.sealed`,
      key.hash,
      key.fingerprint,
      nowMs,
      seal(JSON.stringify(reply), key, random),
    )
  }
  return reply
}

/** What was answered under the key, if it is known. Throws `TablesError` `idempotency-mismatch`. */
export function* findAnswer<Reply extends object>(
  key: TableKey,
  nowMs: number,
): Query<(Reply & { readonly replayed: true }) | undefined> {
  const known = yield* row<Row>(
    'SELECT fingerprint, at_ms AS "atMs", sealed FROM idempotency_records WHERE hash = ?',
    key.hash,
  )
  if (known === undefined || known.atMs <= nowMs - keyKnownMs) return undefined
  if (known.fingerprint !== key.fingerprint) {
    throw new TablesError('idempotency-mismatch', 'The key came with another body before.')
  }
  const text = unseal(Buffer.from(known.sealed), key)
  if (text === undefined)
    throw new TablesError('invalid', 'What is kept under this idempotency key is damaged.')
  // The same key has the same route, so what is read is what that route's change answered.
  const reply = JSON.parse(text) as Reply
  return { ...reply, replayed: true }
}

function* makeRoom({ nowMs, random }: Pick<Moment, 'nowMs' | 'random'>, recordsMax: number): Query<void> {
  yield* forgetBefore(nowMs - keyKnownMs)
  if (recordsMax > countedOneIn && random.fraction() >= 1 / countedOneIn) return
  const count = yield* row<{ readonly records: number }>(
    'SELECT count(*) AS records FROM idempotency_records',
  )
  const records = count?.records ?? 0
  if (records < recordsMax) return
  if ((yield* forgetBefore(nowMs - keyKnownMsMin)) > 0) return
  throw new TablesError(
    'overloaded',
    `${records} idempotency keys of the last hour are the most there can be.`,
  )
}

function forgetBefore(atMs: number): Query<number> {
  return change(
    `DELETE FROM idempotency_records WHERE hash IN
       (SELECT hash FROM idempotency_records WHERE at_ms <= ? ORDER BY at_ms LIMIT ? /* skip locked */)`,
    atMs,
    forgottenPerChangeMax,
  )
}
