/**
 * The judge: holds a journal against the ledger of whoever asked, and a restarted server against the journal.
 *
 * I1, I2, I6, I8 and I9 come from `StockBooks` and `readJournal`; I3 and I4 from the ledger: what was acknowledged is in
 * the journal as it was told, what was refused is not, what is unknown is in whole or out whole, and nothing else is.
 */
import type { Event } from '../../src/domain/events.ts'
import { goesOn, type JournalView, readJournal } from './journal-reader.ts'
import type { AskedReserve, AskedSettlement, RequestLedger } from './request-ledger.ts'
import type { ServerProcess, Site } from './server-process.ts'
import { StockBooks } from './stock-books.ts'

type Held = Event & { readonly type: 'UnitsHeld' }
type Settled = Event & { readonly type: 'UnitsConfirmed' | 'UnitsReleased' }

const SHOWN_MAX = 20
const STOCK_PER_CALL = 100
const RESERVATIONS_ASKED = 60

export type Verdict = { readonly journal: JournalView; readonly books: StockBooks }

/** Reads the site's journal, with no server running, and throws where it breaks what was promised. */
export function judge(site: Site, ledger: RequestLedger, earlier?: JournalView): Verdict {
  const journal = readJournal(site.directory)
  const { faults, books } = faultsOf(journal, ledger)
  if (earlier !== undefined && !goesOn(earlier, journal)) faults.push('what was in the journal has changed')
  expectNone(faults)
  return { journal, books }
}

/** All that is wrong, in sentences. */
export function faultsOf(
  journal: JournalView,
  ledger: RequestLedger,
): { faults: string[]; books: StockBooks } {
  const books = new StockBooks()
  const heldByTag = new Map<string, { readonly event: Held; readonly sequence: number }>()
  const settledBy = new Map<string, Settled[]>()
  const faults: string[] = [...journal.faults, ...ledger.strange]
  const adjusted = new Set<string>()
  for (const events of journal.events.values()) {
    books.count(events)
    for (const { event, sequence } of events) {
      if (event.type === 'UnitsHeld') {
        const tag = event.reference?.trim() ?? ''
        if (heldByTag.has(tag)) faults.push(`${tag} had two effects (I4)`)
        heldByTag.set(tag, { event, sequence })
        if (!ledger.reserves.has(tag)) faults.push(`nobody asked for ${event.reservationId}, ${tag} (I4)`)
      } else if (event.type === 'UnitsConfirmed' || event.type === 'UnitsReleased') {
        const others = settledBy.get(event.reservationId)
        if (others === undefined) settledBy.set(event.reservationId, [event])
        else others.push(event)
      } else if (event.type === 'StockAdjusted') {
        const asked = ledger.adjustments.get(event.reason)
        if (asked === undefined || asked.delta !== event.delta || asked.productId !== event.productId)
          faults.push(`nobody asked for the adjustment ${event.reason} (I4)`)
        if (adjusted.has(event.reason)) faults.push(`${event.reason} had two effects (I4)`)
        adjusted.add(event.reason)
      }
    }
  }
  faults.push(...books.faults)
  for (const asked of ledger.reserves.values()) {
    const wrong = reserveFault(asked, heldByTag.get(asked.tag))
    if (wrong !== undefined) faults.push(`reserve ${asked.tag} of ${asked.productId}: ${wrong}`)
  }
  for (const asked of ledger.adjustments.values()) {
    const isIn = adjusted.has(asked.tag)
    if (asked.known === 'acknowledged' && !isIn) faults.push(`adjustment ${asked.tag} is lost (I3)`)
    if (asked.known === 'refused' && isIn)
      faults.push(`adjustment ${asked.tag} was refused and happened (I4)`)
  }
  const settledIds = new Set([...settledBy.keys(), ...ledger.settlements.keys()])
  for (const id of settledIds) {
    const wrong = settlementFault(ledger.settlements.get(id) ?? [], settledBy.get(id) ?? [])
    if (wrong !== undefined) faults.push(`${id}: ${wrong}`)
  }
  return { faults, books }
}

function reserveFault(
  asked: AskedReserve,
  found: { readonly event: Held; readonly sequence: number } | undefined,
): string | undefined {
  if (found === undefined) return asked.known === 'acknowledged' ? 'acknowledged and lost (I3)' : undefined
  if (asked.known === 'refused') return 'refused, and in the journal (I4)'
  const { event, sequence } = found
  const { productId, quantity, customerId } = event
  if (productId !== asked.productId || quantity !== asked.quantity || customerId !== asked.customerId)
    return `journaled as ${quantity} of ${productId} for ${customerId} (I4)`
  if (asked.known !== 'acknowledged') return undefined
  const told = [asked.reservationId, asked.available, asked.expiresAtMs, asked.sequence]
  const written = [event.reservationId, event.available, event.expiresAtMs, sequence]
  return told.every((value, i) => value === written[i]) ? undefined : `told ${told}, written ${written} (I3)`
}

/** One reservation's settlements are asked one after another, and after one in doubt no more. */
function settlementFault(asked: readonly AskedSettlement[], settled: readonly Settled[]): string | undefined {
  const shown = (kind: string, quantity: number) => `${kind} ${quantity}`
  const written = settled.map(({ type, quantity }) =>
    shown(type === 'UnitsConfirmed' ? 'confirm' : 'release', quantity),
  )
  const done = asked
    .filter(({ known }) => known === 'acknowledged')
    .map((one) => shown(one.kind, one.quantity))
  const [doubtful, ...more] = asked.filter(({ known }) => known === 'unknown')
  if (more.length > 0) return 'the test itself asked on after an unknown outcome'
  const allowed = [done.join()]
  if (doubtful !== undefined) allowed.push([...done, shown(doubtful.kind, doubtful.quantity)].join())
  if (allowed.includes(written.join())) return undefined
  return `the journal has [${written}], allowed is [${allowed.join('] or [')}] (I3, I4)`
}

/** Asks a running server for what the journal of before its start says; throws where they differ. */
export async function expectSameAnswers(server: ServerProcess, { books }: Verdict): Promise<void> {
  const faults: string[] = []
  const products = [...books.stocks.keys()]
  for (let at = 0; at < products.length; at += STOCK_PER_CALL) {
    const ids = products.slice(at, at + STOCK_PER_CALL)
    const { status, body } = await server.request('GET', `/v1/stock?productIds=${ids.join(',')}`)
    const answered = new Map((body.stock as Record<string, unknown>[]).map((one) => [one.productId, one]))
    for (const id of ids) {
      const { version, onHand, held, sold } = books.stocks.get(id) as NonNullable<
        ReturnType<typeof books.stocks.get>
      >
      const want = { version, onHand, held, sold, available: onHand - held }
      const got = answered.get(id)
      for (const [name, value] of Object.entries(want))
        if (got?.[name] !== value)
          faults.push(`${status}: ${name} of ${id} is ${got?.[name]}, booked ${value}`)
    }
  }
  const reservations = [...books.reservations].slice(-RESERVATIONS_ASKED)
  await Promise.all(
    reservations.map(async ([id, booked]) => {
      const { status, body } = await server.request('GET', `/v1/reservations/${id}`)
      const [item] = (body.items ?? []) as { productId: string; quantity: number }[]
      const got = [status, body.status, item?.productId, item?.quantity, body.customerId].join()
      const want = [200, booked.status, booked.productId, booked.quantity, booked.customerId].join()
      if (got !== want) faults.push(`${id} is ${got}, booked ${want}`)
    }),
  )
  expectNone(faults)
}

function expectNone(faults: readonly string[]): void {
  if (faults.length === 0) return
  const shown = faults.slice(0, SHOWN_MAX).join('\n  ')
  throw new Error(`${faults.length} faults:\n  ${shown}`)
}
