/**
 * The keys that access tokens are signed with. They are kept as they are: whoever can read the tables' file, which is its
 * owner's alone (0600), can sign for anybody; so can whoever reads the admin key beside it.
 */
import { signingKeyKeptMs } from '../../../limits/account-limits.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { alone, change, type Query, rows } from '../query.ts'

export type StoredSigningKey = {
  /** The `kid` of what it signs. */
  readonly id: string
  /** JSON. */
  readonly privateJwk: string
  readonly createdAtMs: number
}

export const signingKeyOperations = {
  /** The newest first. */
  'signingKeys.list': read(
    (_: Record<never, never>): Query<readonly StoredSigningKey[]> =>
      rows<StoredSigningKey>(
        `SELECT id, private_jwk AS "privateJwk", created_at_ms AS "createdAtMs"
           FROM signing_keys ORDER BY created_at_ms DESC, id DESC`,
      ),
  ),
  'signingKeys.add': write(
    (args: { readonly privateJwk: string; readonly unlessYoungerThanMs: number }, moment: Moment) =>
      addSigningKey(args, moment),
  ),
}

/** Adds it unless there is one so young, and forgets those whose successors are so old that nothing they signed is good. */
function* addSigningKey(
  { privateJwk, unlessYoungerThanMs }: { readonly privateJwk: string; readonly unlessYoungerThanMs: number },
  moment: Moment,
): Query<{ readonly added: boolean }> {
  const { nowMs, notify } = moment
  yield* alone('signing keys')
  const added = yield* change(
    `INSERT INTO signing_keys (id, private_jwk, created_at_ms) SELECT ?, ?, CAST(? AS BIGINT)
      WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE created_at_ms > ?)`,
    drawId('sig', moment),
    privateJwk,
    nowMs,
    nowMs - unlessYoungerThanMs,
  )
  if (added === 0) return { added: false }
  yield* change(
    `DELETE FROM signing_keys WHERE created_at_ms <
       (SELECT max(created_at_ms) FROM signing_keys WHERE created_at_ms <= ?)`,
    nowMs - signingKeyKeptMs,
  )
  notify({ type: 'signingKeysChanged' })
  return { added: true }
}
