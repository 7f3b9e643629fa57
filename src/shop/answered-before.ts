/**
 * What was answered under an idempotency key before, for a change that is more than one write: its last write keeps the
 * answer, and whoever comes again hears it before anything is done anew.
 */
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import type { TableKey } from '../persistence/tables/table-key.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import type { ShopParts } from './shop-parts.ts'

/** Throws `TablesError` `idempotency-mismatch`. */
export async function answeredBefore<Reply extends object>(
  { tables, clock }: Pick<ShopParts, 'tables' | 'clock'>,
  key: TableKey | undefined,
): Promise<(Reply & Replayable) | undefined> {
  if (key === undefined) return undefined
  const known = await tables.read('idempotency.find', { key, nowMs: clock.wallMs() })
  if (known?.type === 'mismatch')
    throw new TablesError('idempotency-mismatch', 'The key came with another body before.')
  // The same key has the same caller and route, so what is known is what that route answered.
  return known === undefined ? undefined : { ...(known.reply as Reply), replayed: true }
}
