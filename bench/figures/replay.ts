/**
 * How fast does a journal become state again, beside reading it at all?
 *
 * A journal of a million events as a sale leaves them: reservations over 10,000 products, a third of them confirmed and a
 * third released. It is replayed from the first event, without snapshots, by the very recovery that every start runs:
 * each frame's order, hash and checksum checked, each event applied to its shard's state.
 *
 * The limit reads the same files, checks every frame's CRC and decodes every event into an object, and does no more
 * (rivals/bare-scan.ts). Both in this thread, in turn, with memory collected before each.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { shardsOfWorker } from '../../src/actors/routing.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { dataPaths } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { recover } from '../../src/persistence/journal/recovery.ts'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { scanJournal } from '../rivals/bare-scan.ts'
import { customerIds, productIds, SHARDS, STRIDE } from '../support/ids.ts'
import { LocalEngine, TTL_MS_MAX } from '../support/local-engine.ts'
import { collectGarbage } from '../support/memory.ts'
import { repeat } from '../support/repeat.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 5, reservations: 600_000, products: 10_000 },
  quick: { rounds: 2, reservations: 120_000, products: 10_000 },
  tiny: { rounds: 1, reservations: 2_000, products: 100 },
} as const satisfies Record<Scale, object>

const CALLERS = 4_096

export const replay: Figure = { name: 'replay', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('replay')
  const data = join(scratch, 'data')
  await makeSale(data, size)
  const { journal, snapshots } = dataPaths(data)
  const { events, bytes } = scanJournal(journal)
  say(`a journal of ${thousands(events)} events in ${thousands(bytes)} bytes`)

  const perSecond = (read: () => number) => {
    collectGarbage()
    const startedMs = performance.now()
    const read_ = read()
    if (read_ !== events) throw new Error(`${read_} events were read, and there are ${events}`)
    return (events / (performance.now() - startedMs)) * 1_000
  }
  const options = {
    disk: realDisk,
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    shards: shardsOfWorker(0, { shards: SHARDS, workers: 1 }),
    shardsOfData: SHARDS,
    useSnapshots: false,
  }
  const replayed = () => perSecond(() => recover(options).eventsReplayed)
  const scanned = () => perSecond(() => scanJournal(journal).events)
  for (const warmUp of [replayed, scanned]) warmUp()
  const sides = await inRounds(size.rounds, { replayed, scanned }, (round, { replayed, scanned }) => {
    say(`round ${round}: ${thousands(replayed)} replayed, ${thousands(scanned)} scanned a second`)
  })
  rmSync(scratch, { recursive: true })
  const row = makeRow({
    name: 'events replayed',
    unit: '/s',
    values: sides.replayed,
    limit: { name: 'scan, CRC and decoding into objects', values: sides.scanned },
    floor: 0.3,
    aim: 0.8,
  })
  return { rows: [row], plots: [], notes: [] }
}

async function makeSale(
  directory: string,
  size: { readonly reservations: number; readonly products: number },
): Promise<void> {
  const local = await LocalEngine.start(directory)
  const { engine } = local
  const products = productIds(size.products)
  const customers = customerIds(size.reservations)
  await local.stock(products)
  await repeat(size.reservations, CALLERS, async (nr) => {
    const productId = products[(nr * STRIDE) % products.length] as ProductId
    const reservationId = engine.newReservationId(productId)
    const held = await engine.execute({
      type: 'reserve',
      reservationId,
      productId,
      customerId: customers[nr],
      quantity: 1,
      ttlMs: TTL_MS_MAX,
      allowPartial: false,
      reference: undefined,
    })
    if (held.type !== 'held') throw new Error(`not held: ${JSON.stringify(held)}`)
    if (nr % 3 === 0) await engine.execute({ type: 'release', reservationId, items: undefined })
    if (nr % 3 === 1)
      await engine.execute({ type: 'confirm', reservationId, items: undefined, reference: undefined })
  })
  await local.end()
}
