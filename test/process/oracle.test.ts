/** The judge of all process tests must be able to say no: books that were tampered with, against a real journal. */
import * as assert from 'uvu/assert'
import { faultsOf } from '../support/journal-oracle.ts'
import { type JournalView, readJournal } from '../support/journal-reader.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { pause, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const products = ['product-1', 'product-2', 'product-3']
const test = suite('the judge', { limitMs: 60_000 })
let journal: JournalView
let ledger: RequestLedger

test.before(async () => {
  await using site = new Site()
  ledger = new RequestLedger()
  const server = await site.start()
  await deliver(
    server,
    ledger,
    products.map((id) => [id, 10_000]),
  )
  const load = new LoadClient(server, ledger, { products, seed: 1, severalShare: 0.4, keyedShare: 0.5 })
  await pause(300)
  await load.stop()
  await server.stop()
  journal = readJournal(site.directory)
})

/** What is wrong once the books were changed. */
function faultsAfter(tamper: (book: RequestLedger) => void): string {
  const book = ledger.copy()
  tamper(book)
  return faultsOf(journal, book).faults.join('\n')
}

function anAcknowledged(book: RequestLedger) {
  const found = [...book.reserves.values()].find(({ known }) => known === 'acknowledged')
  assert.ok(found !== undefined)
  return found
}

/** The journal with one shard's events changed. */
function journalWith(change: (events: readonly JournalEvent[]) => readonly JournalEvent[]): JournalView {
  return {
    ...journal,
    events: new Map([...journal.events].map(([shard, events]) => [shard, change(events)])),
  }
}
type JournalEvent = NonNullable<ReturnType<JournalView['events']['get']>>[number]

test('finds nothing where nothing is wrong', () => {
  assert.is(
    faultsAfter(() => {}),
    '',
  )
})

test('finds an acknowledged reserve that is not in the journal (I3)', () => {
  const said = faultsAfter((book) => {
    const asked = book.reserve('product-1', 1)
    asked.known = 'acknowledged'
  })
  assert.match(said, /acknowledged and lost \(I3\)/)
})

test('finds a reply that said something else than the journal (I3)', () => {
  const said = faultsAfter((book) => {
    const asked = anAcknowledged(book)
    asked.available = [-1]
  })
  assert.match(said, /told .* written .* \(I3\)/)
})

test('finds an event that nobody asked for, and one that was refused (I4)', () => {
  assert.match(
    faultsAfter((book) => void book.reserves.delete(anAcknowledged(book).tag)),
    /nobody asked for res_.* \(I4\)/,
  )
  assert.match(
    faultsAfter((book) => {
      anAcknowledged(book).known = 'refused'
    }),
    /refused, and in the journal \(I4\)/,
  )
})

test('finds an unknown outcome that is in by half (I4)', () => {
  const said = faultsAfter((book) => {
    const { tag } = anAcknowledged(book)
    const lines = [{ productId: 'product-1', quantity: 99 }]
    const asked = { tag, lines, customerId: undefined, key: undefined, known: 'unknown', answers: 1 } as const
    book.reserves.set(tag, { ...asked })
  })
  assert.match(said, /journaled as/)
})

test('finds a settlement that was acknowledged and is lost, and one that nobody asked for', () => {
  const said = faultsAfter((book) => {
    const [held] = book.settleable()
    assert.ok(held !== undefined)
    book.settle('confirm', held).known = 'acknowledged'
  })
  assert.match(said, /the journal has \[.*\], allowed is \[.*confirm/)
  assert.match(
    faultsAfter((book) => {
      book.settlements.clear()
    }),
    /the journal has \[(?:confirm|release)/,
  )
})

test('finds gaps, repetitions and units out of nowhere', () => {
  const without = journalWith((events) => events.filter(({ sequence }) => sequence !== 2))
  assert.match(faultsOf(without, ledger).faults.join('\n'), /was due \(I9\)/)
  const twice = journalWith((events) => [...events, ...events.slice(-1)])
  assert.match(faultsOf(twice, ledger).faults.join('\n'), /two effects|was due/)
  const oversold = journalWith((events) =>
    events.map((recorded) => {
      const { event } = recorded
      return event.type === 'StockAdjusted'
        ? { ...recorded, event: { ...event, delta: 1, onHand: 1 } }
        : recorded
    }),
  )
  assert.match(faultsOf(oversold, ledger).faults.join('\n'), /\(I2\)/)
})

test.run()
