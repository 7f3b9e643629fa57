/** Tables of one kind as a contract needs them: empty, by a clock that it moves, with every operation that it asks noted. */
import type { Notice } from '../../src/persistence/tables/operation.ts'
import type { OperationName, Tables } from '../../src/persistence/tables/operations.ts'
import { ManualClock } from '../support/manual-time.ts'

export const NOW_MS = 1_790_000_000_000

export type OpenTables = Tables & { readonly notices: readonly Notice[]; close(): void | Promise<void> }
/** Makes empty ones. */
export type Opening = (clock: ManualClock) => OpenTables | Promise<OpenTables>
export type Place = Tables & { readonly clock: ManualClock; readonly notices: readonly Notice[] }

/** What `use` asks is added to `asked`. */
export async function withinTables(
  opening: Opening,
  asked: Set<OperationName>,
  use: (place: Place) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock(NOW_MS)
  const tables = await opening(clock)
  try {
    await use({
      clock,
      notices: tables.notices,
      read(name, args) {
        asked.add(name)
        return tables.read(name, args)
      },
      write(name, args, key) {
        asked.add(name)
        return tables.write(name, args, key)
      },
    })
  } finally {
    await tables.close()
  }
}
