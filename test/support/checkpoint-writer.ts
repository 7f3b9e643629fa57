/**
 * The process that `checkpoint-kills.ts` kills: writes products with long descriptions, many at a time, says which are
 * acknowledged, and has the write-ahead log moved into the file as often as can be. Arguments: the file, and the round.
 */
import { writeSync } from 'node:fs'
import type { ProductId } from '../../src/domain/ids.ts'
import type { CurrencyCode } from '../../src/domain/money.ts'
import { openDatabase } from '../../src/persistence/tables/database.ts'
import { migrate } from '../../src/persistence/tables/migrations.ts'
import { schema } from '../../src/persistence/tables/schema.ts'
import { TablesClient } from '../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../src/persistence/tables/tables-server.ts'
import { realClock, realRandom, realTimers } from '../../src/seams.ts'
import { Wire } from './wire.ts'

const [, , path = '', round = ''] = process.argv
const atOnce = 16
/** Pages, instead of a thousand: most commits are followed by a checkpoint. */
const autocheckpointPages = 16
/** Batches between two checkpoints that also truncate the log: it has grown by then, and they take a while. */
const batchesPerTruncate = 6
const description = 'Rings, and is told from others by its number. '.repeat(200)

const database = openDatabase(path)
migrate(database, schema, realClock.wallMs())
database.pragma(`wal_autocheckpoint = ${autocheckpointPages}`)
const server = new TablesServer(database, { clock: realClock, timers: realTimers, random: realRandom() })
const client = new TablesClient({ timers: realTimers, onNotice: () => {} })
const wire = new Wire<ToTables, FromTables>()
server.connect(wire.far)
client.connect(wire.near)

let last = 0
for (let batch = 1; ; batch++) {
  // Now and then the log is left to grow, so that there is something to move.
  if (batch % batchesPerTruncate === 1) database.pragma('wal_autocheckpoint = 0')
  await Promise.all(Array.from({ length: atOnce }, () => create(++last)))
  if (batch % batchesPerTruncate !== 0) continue
  say('checkpoint')
  database.pragma('wal_checkpoint(TRUNCATE)')
  say('checkpointed')
  database.pragma(`wal_autocheckpoint = ${autocheckpointPages}`)
  await Promise.all(Array.from({ length: atOnce }, () => create(++last)))
}

async function create(number: number): Promise<void> {
  const productId = `p-${round}-${number}` as ProductId
  const fields = { title: 'Phone', description, brand: null, category: null, priceMinor: number }
  const currency = 'INR' as CurrencyCode
  await client.write('catalog.create', {
    productId,
    fields: { ...fields, currency, images: [], specifications: [] },
  })
  say(`acknowledged ${productId} ${number}`)
}

/** At once, or a kill would take it back. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}
