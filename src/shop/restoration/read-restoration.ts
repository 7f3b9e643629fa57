/** Looks, before a server begins, whether what it has was restored from a backup and is not reconciled. */
import type { MessagePort } from 'node:worker_threads'
import type { Logger } from 'pino'
import { TablesClient } from '../../persistence/tables/tables-client.ts'
import { TablesError } from '../../persistence/tables/tables-error.ts'
import { portOf, realTimers } from '../../seams.ts'
import type { RestorationBoard } from './restoration-board.ts'

/** Where the tables do not say, nothing is sold until the desk has heard from them. */
export async function readRestoration(
  thread: { connect(): MessagePort },
  board: RestorationBoard,
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  const tables = new TablesClient({ timers: realTimers, onNotice: () => {} })
  tables.connect(portOf(thread.connect()))
  board.note(true)
  try {
    const open = await tables.read('restorations.open', {})
    const { restorationId = '' } = open ?? {}
    const undecided = open && (await tables.read('unknownPayments.undecided', { restorationId }))
    board.note(open !== undefined, undecided)
    if (open !== undefined) log.warn({ ...open, undecided }, 'restoration.open')
  } catch (error) {
    if (!(error instanceof TablesError)) throw error
    log.warn({ code: error.code }, 'restoration.unread')
  } finally {
    tables.close()
  }
}
