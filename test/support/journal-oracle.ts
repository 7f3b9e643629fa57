/**
 * The judge: holds a journal against the ledger of whoever asked, and a restarted server against the journal.
 *
 * I1, I2, I6, I8 and I9 come from `StockBooks` and `readJournal`; I3 and I4 from the ledger: what was acknowledged is in
 * the journal as it was told, what was refused is not, what is unknown is in whole or out whole, and nothing else is. I5
 * comes from the keys that shards have kept. And `journal verify`, which knows of no ledger, must find no damage.
 */
import { type JournalFiles, openJournalFiles } from '../../src/cli/journal-files.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { SplitHeld, UnitsHeld } from '../../src/domain/events.ts'
import { goesOn, type JournalView, type Recorded, readJournal } from './journal-reader.ts'
import { KeyBooks } from './key-books.ts'
import type { AskedReserve, AskedSettlement, RequestLedger } from './request-ledger.ts'
import { pause, type ServerProcess, type Site } from './server-process.ts'
import { StockBooks } from './stock-books.ts'

type Made = { readonly event: UnitsHeld | SplitHeld; readonly sequence: number }
/** One settlement of a reservation: what became of how many units of each line. */
type Settled = { readonly kind: 'confirm' | 'release'; readonly quantities: readonly number[] }

const SHOWN_MAX = 20
const STOCK_PER_CALL = 100
const RESERVATIONS_ASKED = 60
/** Shards in doubt wait for seconds before they ask, and all questions here are many. */
const AGREE_EVERY_MS = 200

export type Verdict = { readonly journal: JournalView; readonly books: StockBooks }

/** Reads the site's journal, with no server running, and throws where it breaks what was promised. */
export function judge(site: Site, ledger: RequestLedger, earlier?: JournalView): Verdict {
  return judgeJournal(readJournal(site.directory), {
    files: openJournalFiles(site.directory),
    ledger,
    earlier,
  })
}

/** The same of a journal wherever it is. */
export function judgeJournal(
  journal: JournalView,
  by: {
    /** Absent where there is nothing that `journal verify` could read. */
    readonly files?: JournalFiles
    readonly ledger: RequestLedger
    readonly earlier?: JournalView | undefined
  },
): Verdict {
  const { faults, books } = faultsOf(journal, by.ledger)
  if (by.earlier !== undefined && !goesOn(by.earlier, journal))
    faults.push('what was in the journal has changed')
  const findings = by.files === undefined ? [] : auditJournal(by.files).findings
  for (const { kind, file, offset, reason } of findings)
    if (kind === 'damaged') faults.push(`verify: ${file}, byte ${offset}: ${reason}`)
  expectNone(faults)
  return { journal, books }
}

/** All that is wrong, in sentences. */
export function faultsOf(
  journal: Pick<JournalView, 'events' | 'faults'>,
  ledger: RequestLedger,
): { faults: string[]; books: StockBooks } {
  const books = new StockBooks()
  const keys = new KeyBooks()
  const madeByTag = new Map<string, Made>()
  const settledBy = new Map<string, Settled[]>()
  const faults: string[] = [...journal.faults, ...ledger.strange]
  const adjusted = new Set<string>()
  for (const events of journal.events.values()) {
    books.count(events)
    keys.count(events)
    for (const [id, settled] of settlementsIn(events)) {
      const others = settledBy.get(id)
      if (others === undefined) settledBy.set(id, [settled])
      else others.push(settled)
    }
    for (const { event, sequence } of events) {
      if (event.type === 'UnitsHeld' || event.type === 'SplitHeld') {
        const tag = event.reference?.trim() ?? ''
        if (madeByTag.has(tag)) faults.push(`${tag} had two effects (I4, I5)`)
        madeByTag.set(tag, { event, sequence })
        if (!ledger.reserves.has(tag)) faults.push(`nobody asked for ${event.reservationId}, ${tag} (I4)`)
      } else if (event.type === 'StockAdjusted') {
        const asked = ledger.adjustments.get(event.reason)
        if (asked === undefined || asked.delta !== event.delta || asked.productId !== event.productId)
          faults.push(`nobody asked for the adjustment ${event.reason} (I4)`)
        if (adjusted.has(event.reason)) faults.push(`${event.reason} had two effects (I4)`)
        adjusted.add(event.reason)
      }
    }
  }
  faults.push(...books.faults, ...books.several.disagreements(), ...keys.faults())
  for (const asked of ledger.reserves.values()) {
    const wrong = reserveFault(asked, madeByTag.get(asked.tag)) ?? keys.faultOf(asked)
    if (wrong !== undefined) faults.push(`reserve ${asked.tag} of ${shownLines(asked.lines)}: ${wrong}`)
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

/** What a shard's events say was asked for, and became of reservations. */
function* settlementsIn(events: readonly Recorded[]): Generator<readonly [id: string, settled: Settled]> {
  const held = new Map<string, readonly number[]>()
  const confirmed = new Set<string>()
  for (const { event } of events) {
    switch (event.type) {
      case 'UnitsConfirmed':
        yield [event.reservationId, { kind: 'confirm', quantities: [event.quantity] }]
        break
      case 'UnitsReleased':
        yield [event.reservationId, { kind: 'release', quantities: [event.quantity] }]
        break
      case 'SplitHeld':
        held.set(
          event.reservationId,
          event.lines.map(({ quantity }) => quantity),
        )
        break
      case 'SplitSettled': {
        const { reservationId, status, quantities } = event
        const before = held.get(reservationId) ?? []
        held.set(reservationId, quantities)
        if (status === 'confirmed') {
          // What comes back later, or never can again, settles nothing more.
          if (!confirmed.has(reservationId)) yield [reservationId, { kind: 'confirm', quantities }]
          confirmed.add(reservationId)
        } else if (status !== 'expired') {
          const isAll = status === 'released'
          const given = before.map((units, i) => units - (isAll ? 0 : (quantities[i] ?? 0)))
          yield [reservationId, { kind: 'release', quantities: given }]
        }
      }
    }
  }
}

function reserveFault(asked: AskedReserve, found: Made | undefined): string | undefined {
  if (found === undefined) return asked.known === 'acknowledged' ? 'acknowledged and lost (I3)' : undefined
  if (asked.known === 'refused' && asked.mayComeLate !== true) return 'refused, and in the journal (I4)'
  const { event, sequence } = found
  const { reservationId, customerId, expiresAtMs } = event
  const lines = event.type === 'SplitHeld' ? event.lines : [event]
  const [wanted, written] = [shownLines(asked.lines), shownLines(lines)]
  if (written !== wanted || customerId !== asked.customerId)
    return `journaled as ${written} for ${customerId} (I4)`
  if (asked.known !== 'acknowledged') return undefined
  const told = [asked.reservationId, ...(asked.available ?? []), asked.expiresAtMs, asked.sequence].join()
  const said = [reservationId, ...lines.map(({ available }) => available), expiresAtMs, sequence].join()
  return told === said ? undefined : `told ${told}, written ${said} (I3)`
}

function shownLines(lines: readonly { readonly productId: string; readonly quantity: number }[]): string {
  return lines.map(({ productId, quantity }) => `${quantity} of ${productId}`).join(' and ')
}

/** One reservation's settlements are asked one after another, and after one in doubt no more. */
function settlementFault(asked: readonly AskedSettlement[], settled: readonly Settled[]): string | undefined {
  const shown = ({ kind, quantities }: Settled) => `${kind} ${quantities.join('+')}`
  const written = settled.map(shown)
  const done = asked.filter(({ known }) => known === 'acknowledged').map(shown)
  const [doubtful, ...more] = asked.filter(({ known, mayComeLate }) => known === 'unknown' || mayComeLate)
  if (more.length > 0) return 'the test itself asked on after an unknown outcome'
  const allowed = [done.join()]
  if (doubtful !== undefined) allowed.push([...done, shown(doubtful)].join())
  if (allowed.includes(written.join())) return undefined
  return `the journal has [${written}], allowed is [${allowed.join('] or [')}] (I3, I4)`
}

/**
 * Asks a running server for what the journal of before its start says, once its shards have told each other what they had
 * not heard; throws where they differ.
 */
export async function expectSameAnswers(server: ServerProcess, { books }: Verdict): Promise<void> {
  let faults = await differences(server, books)
  if ([...books.several.pending()].length > 0) {
    const agree = async () => {
      faults = await differences(server, books)
      if (faults.length > 0) await pause(AGREE_EVERY_MS)
      return faults.length === 0
    }
    await server.until(agree, 'the shards agree').catch((error: unknown) => {
      throw faults.length === 0 ? error : new Error(`${error}\nand before:\n${shownFaults(faults)}`)
    })
  }
  expectNone(faults)
}

async function differences(server: ServerProcess, books: StockBooks): Promise<string[]> {
  const faults: string[] = []
  const products = [...books.agreedStocks()]
  for (let at = 0; at < products.length; at += STOCK_PER_CALL) {
    const asked = products.slice(at, at + STOCK_PER_CALL)
    const ids = asked.map(([id]) => id).join(',')
    const { status, body } = await server.request('GET', `/v1/stock?productIds=${ids}`)
    if (status !== 200) {
      faults.push(`${status}: ${body.code} of the stock of ${ids}`)
      continue
    }
    const answered = new Map((body.stock as Record<string, unknown>[]).map((one) => [one.productId, one]))
    for (const [id, { version, onHand, held, sold, earmarked }] of asked) {
      const want = { version, onHand, held, sold, available: onHand - held - earmarked }
      const got = answered.get(id)
      for (const [name, value] of Object.entries(want))
        if (got?.[name] !== value)
          faults.push(`${status}: ${name} of ${id} is ${got?.[name]}, booked ${value}`)
    }
  }
  const single = [...books.reservations].map(([id, booked]) => [id, { ...booked, lines: [booked] }] as const)
  const asked = [
    ...single.slice(-RESERVATIONS_ASKED),
    ...[...books.several.splits].slice(-RESERVATIONS_ASKED),
  ]
  await Promise.all(
    asked.map(async ([id, { status, customerId, lines }]) => {
      const answer = await server.request('GET', `/v1/reservations/${id}`)
      const { body } = answer
      const items = (body.items ?? []) as { productId: string; quantity: number }[]
      const got = [answer.status, body.status, shownLines(items), body.customerId].join()
      const want = [200, status, shownLines(lines), customerId].join()
      if (got !== want) faults.push(`${id} is ${got}, booked ${want}`)
    }),
  )
  return faults
}

/** Throws where some shard has not told or heard something yet; of a journal whose server had time for it. */
export function expectSettled({ books }: Verdict): void {
  expectNone([...books.several.pending()])
}

function expectNone(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(shownFaults(faults))
}

function shownFaults(faults: readonly string[]): string {
  return `${faults.length} faults:\n  ${faults.slice(0, SHOWN_MAX).join('\n  ')}`
}
