/** The judge of all process tests must be able to say no: books that were tampered with, against a real journal. */
import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import type { Answer } from '../support/http-call.ts'
import { faultsOf } from '../support/journal-oracle.ts'
import { type JournalView, readJournal } from '../support/journal-reader.ts'
import { deliver, LoadClient } from '../support/load-client.ts'
import { type AskedReserve, RequestLedger } from '../support/request-ledger.ts'
import { Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

/** So much that every kind of event there is to tamper with is in the journal, however slow the machine. */
const SETTLED_MIN = 200
const products = ['product-1', 'product-2', 'product-3', 'product-4']
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
  await until(() => settledCount(ledger) >= SETTLED_MIN, 'enough trade')
  await load.stop()
  await server.stop()
  journal = readJournal(site.directory)
})

function settledCount({ settlements }: RequestLedger): number {
  return [...settlements.values()].flat().filter(({ known }) => known === 'acknowledged').length
}

/** What is wrong once the books were changed. */
function faultsAfter(tamper: (book: RequestLedger) => void): string {
  const book = ledger.copy()
  tamper(book)
  return faultsOf(journal, book).faults.join('\n')
}

function anAcknowledged(book: RequestLedger, isIt: (asked: AskedReserve) => boolean = () => true) {
  const found = [...book.reserves.values()].find((asked) => asked.known === 'acknowledged' && isIt(asked))
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

const isOfSeveral = ({ lines }: AskedReserve) => lines.length > 1
const isKeyed = ({ key }: AskedReserve) => key !== undefined

/** The journal with every event of a type changed, or left out; sequences and versions are no longer right then. */
function journalAfter<T extends Event['type']>(
  type: T,
  change: (event: Event & { readonly type: T }) => Event | undefined,
): JournalView {
  return journalWith((events) =>
    events.flatMap((recorded) => {
      if (recorded.event.type !== type) return [recorded]
      const changed = change(recorded.event as Event & { readonly type: T })
      return changed === undefined ? [] : [{ ...recorded, event: changed }]
    }),
  )
}

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

test('finds the same of several products: lost, told otherwise, refused and done', () => {
  const missing = faultsAfter((book) => {
    const { lines, customerId } = anAcknowledged(book, isOfSeveral)
    book.reserveSeveral(lines, { customerId }).known = 'acknowledged'
  })
  assert.match(
    missing,
    /reserve tag-\d+ of \d of product-\d and \d of product-\d.*acknowledged and lost \(I3\)/,
  )
  const otherwise = faultsAfter((book) => {
    const asked = anAcknowledged(book, isOfSeveral)
    asked.available = asked.lines.map(() => 7)
  })
  assert.match(otherwise, /told .* written .* \(I3\)/)
  const refused = faultsAfter((book) => {
    anAcknowledged(book, isOfSeveral).known = 'refused'
  })
  assert.match(refused, /refused, and in the journal \(I4\)/)
})

test('finds holds that their home says nothing of, and lines that nobody holds', () => {
  const faults = (view: JournalView) => faultsOf(view, ledger).faults.join('\n')
  assert.match(faults(journalAfter('HoldPlaced', () => undefined)), /that nobody holds/)
  assert.match(faults(journalAfter('HoldSettled', () => undefined)), /its home has heard of/)
  assert.match(faults(journalAfter('SplitSettled', () => undefined)), /which its home never said/)
  assert.match(
    faults(journalAfter('SplitHeld', () => undefined)),
    /at its home, for nothing|which its home never said/,
  )
  assert.match(
    faults(journalAfter('SplitHeld', (event) => ({ ...event, lines: event.lines.slice(1) }))),
    /journaled as/,
  )
  const more = journalAfter('HoldSettled', (event) => ({ ...event, held: event.held + 9 }))
  assert.match(faults(more), /\(I2\)/)
})

test('finds a key with two reservations, and one that was told of another (I5)', () => {
  const answers = [...journal.events.values()].flat().flatMap(({ event }) => {
    return event.type === 'KeyAnswered' && [1, 2].includes(event.answer.charCodeAt(0)) ? [event] : []
  })
  const [one, other] = answers
  assert.ok(one !== undefined && other !== undefined)
  const sameHash = journalAfter('KeyAnswered', (event) => ({ ...event, hash: one.hash }))
  assert.match(faultsOf(sameHash, ledger).faults.join('\n'), /key [0-9a-f]{32} made res_.* and res_.* \(I5\)/)
  const without = journalAfter('KeyAnswered', () => undefined)
  assert.match(faultsOf(without, ledger).faults.join('\n'), /its key made nothing \(I5\)/)
  const claimed = journalAfter('KeyClaimed', (event) => {
    return { ...event, reservationId: `${event.reservationId.slice(0, -3)}ZZZ` as typeof event.reservationId }
  })
  assert.match(faultsOf(claimed, ledger).faults.join('\n'), /is claimed for res_.*, and made others \(I5\)/)
  const refused = faultsAfter((book) => {
    const asked = anAcknowledged(book, isKeyed)
    book.reserves.set('other', { ...asked, tag: 'other', known: 'refused' })
  })
  assert.match(refused, /refused, and its key made res_.* \(I5\)/)
})

test('finds a key that is answered otherwise the second time, or to another body (I5)', () => {
  const answered = (status: number, body: object, headers = {}): Answer => {
    return { type: 'answered', status, body: { ...body }, headers }
  }
  const replayed = { 'idempotency-replayed': 'true' }
  const said = (look: (book: RequestLedger, asked: AskedReserve) => void) =>
    faultsAfter((book) => look(book, anAcknowledged(book, isKeyed)))
  const sameOf = ({ reservationId, lines, available = [], expiresAtMs = 0, sequence }: AskedReserve) => ({
    reservationId,
    items: lines.map(({ productId }, i) => ({ productId, available: available[i] })),
    expiresAt: new Date(expiresAtMs).toISOString(),
    sequence,
  })
  assert.is(
    said((book, asked) => book.repeatedReserve(asked, answered(201, sameOf(asked), replayed))),
    '',
  )
  assert.match(
    said((book, asked) => book.repeatedReserve(asked, answered(201, sameOf(asked)))),
    /was told .*, and then 201/,
  )
  assert.match(
    said((book, asked) => {
      book.repeatedReserve(asked, answered(201, { ...sameOf(asked), sequence: 1e6 }, replayed))
    }),
    /was told .*, and then 201/,
  )
  assert.match(
    said((book, asked) => book.repeatedReserve(asked, answered(409, { code: 'out-of-stock' }))),
    /was told .*, and then 409/,
  )
  assert.is(
    said((book, asked) => book.misusedKey(asked, answered(422, {}))),
    '',
  )
  assert.match(
    said((book, asked) => book.misusedKey(asked, answered(201, {}))),
    /was answered 201 for another body \(I5\)/,
  )
})

test('believes a repetition that it did nothing itself, and no more', () => {
  const book = new RequestLedger()
  const asked = book.reserveSeveral([{ productId: 'product-1', quantity: 1 }], { isKeyed: true })
  assert.equal(book.doubtful(), [], 'nobody has asked yet')
  book.answeredReserve(asked, { type: 'cut', why: '' })
  assert.equal(book.doubtful(), [{ type: 'reserve', asked }])
  const turnedAway: Answer = { type: 'answered', status: 503, body: {}, headers: {} }
  for (const outcome of [turnedAway, { type: 'unreached', why: '' }] as const) {
    book.answeredReserve(asked, outcome)
    assert.is(asked.known, 'unknown')
  }
  book.answeredReserve(asked, { ...turnedAway, status: 409 })
  assert.is(asked.known, 'refused')
  const other = book.reserve('product-1', 1)
  book.answeredReserve(other, turnedAway)
  assert.is(other.known, 'refused', 'the first time 503 says that nothing happened')
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
