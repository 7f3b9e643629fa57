/** `journal history`: what happened to a product, a reservation or a customer, and why. */
import {
  type CustomerId,
  isReservationId,
  type ProductId,
  type ReservationId,
  type ShardId,
  shardOf,
} from '../domain/ids.ts'
import type { ShardState } from '../domain/stock.ts'
import type { JournalEvent } from '../persistence/journal/journal-follower.ts'
import { archivedElsewhere, archiveHelp, withArchives } from './archive-view.ts'
import type { Command, Options } from './command-line.ts'
import { isDamage, reportDamage } from './damage-report.ts'
import { readEvents } from './event-reader.ts'
import { causeOf, eventJson, eventText } from './event-words.ts'
import { exitCodes, Unusable } from './exit-codes.ts'
import type { JournalFiles } from './journal-files.ts'
import { Nearest } from './nearest.ts'
import { type Point, pointOf, pointText } from './points.ts'
import { baseOf, missingFrom, productsIn, shardsOf, validSnapshots } from './shard-base.ts'
import { countOf, quoted, type Terminal } from './terminal.ts'

type Kind = 'product' | 'reservation' | 'customer'

export type History = {
  readonly kind: Kind
  /** Oldest first. */
  readonly events: readonly JournalEvent[]
  /** Older ones, beyond the limit. */
  readonly leftOut: number
  /** Whether a customer goes by the same name as this product. */
  readonly isAmbiguous: boolean
}

const limitDefault = 100
/** So that dropping what is too old is rare: each event is moved a few times at most. */
const keptBeyondLimit = 1_000

export const history: Command = {
  name: 'history',
  argument: '<product | reservation | customer>',
  summary: 'Shows what happened to a product, a reservation or a customer: time, sequence, kind and cause.',
  help: `
  --limit N        the newest N events; default ${limitDefault}
  --since WHEN     only those from a time (2026-11-27T08:00:00Z) or a sequence (s3.1042) on
  --newest-first   the other way round
  --product, --customer
                   take the name for that. Without it, what exists decides: a reservation's id is known by its form, a
                   product comes before a customer of the same name
${archiveHelp}

A reservation of several products has events in the shards of all of them, and in its home. A customer's events are all
those of the reservations made for that customer, and of standing in line. With --json one event a line, with the
fields that docs/journal-export.md describes, and its cause.

Exit code 0: shown. 1: the journal is damaged. 3: nothing in the journal goes by that name.`,
  example: 'history phone --since 2026-11-27T08:00:00Z',
  options: ['limit', 'since', 'newest-first', 'product', 'customer', 'archive'],
  run(files, options, terminal) {
    const { json, archive, argument: name } = options
    const view = withArchives(files, archive)
    try {
      const found = historyOf(view, name, {
        kind: forcedKind(options),
        since: options.since === undefined ? undefined : pointOf('--since', options.since),
        limit: options.limit ?? limitDefault,
      })
      const events = options.newestFirst ? found.events.toReversed() : found.events
      for (const event of events) terminal.line(json ? jsonLine(event) : textLine(event))
      remarkOn(found, { name, files: view, terminal })
      return exitCodes.good
    } catch (error) {
      if (!isDamage(error)) throw error
      return reportDamage(view, error, { command: 'history', json, terminal })
    }
  },
}

/** Throws `Unusable` where nothing goes by that name, and `JournalDamaged`. */
export function historyOf(
  files: JournalFiles,
  name: string,
  options: { readonly kind: Kind | undefined; readonly since: Point | undefined; readonly limit: number },
): History {
  const { since } = options
  const given = options.kind ?? (isReservationId(name) ? 'reservation' : undefined)
  const home = shardOf(name as ProductId, shardsOf(files))
  const isInSnapshot = baseOf(files, home).state.products.has(name as ProductId)
  const kind = given ?? (isInSnapshot ? 'product' : undefined)
  checkSince(since, kind === 'product' ? home : undefined)
  const search = new Search(files, name, { ...options, kind })
  // A product has events in its own shard only. For the rest, one look at all of them tells what it is.
  for (const event of readEvents(files, { shard: kind === 'product' ? home : undefined })) search.look(event)
  return search.result()
}

type Found = { newest: JournalEvent[]; count: number; isKnown: boolean }

/** Looks for one name among all events, as whatever it may be. */
class Search {
  readonly #name: string
  readonly #files: JournalFiles
  readonly #kind: Kind | undefined
  readonly #since: Point | undefined
  readonly #limit: number
  readonly #nearest: Nearest
  readonly #found: Readonly<Record<Kind, Found>> = { product: none(), reservation: none(), customer: none() }
  /** Reservations of the customer of this name. */
  readonly #reservations = new Set<ReservationId>()

  constructor(
    files: JournalFiles,
    name: string,
    options: { readonly kind: Kind | undefined; readonly since: Point | undefined; readonly limit: number },
  ) {
    this.#name = name
    this.#files = files
    this.#kind = options.kind
    this.#since = options.since
    this.#limit = options.limit
    this.#nearest = new Nearest(name)
    if (missingFrom(files).length > 0) this.#recallArchived()
  }

  look(at: JournalEvent): void {
    const { event } = at
    const product = 'productId' in event ? event.productId : undefined
    const reservation = 'reservationId' in event ? event.reservationId : undefined
    const customer = 'customerId' in event ? event.customerId : undefined
    if (product !== undefined) this.#nearest.offer(product)
    if (customer !== undefined) this.#nearest.offer(customer)
    if (customer === this.#name && reservation !== undefined) this.#reservations.add(reservation)
    if (product === this.#name) this.#take(this.#found.product, at)
    if (reservation === this.#name) this.#take(this.#found.reservation, at)
    const isTheirs = reservation !== undefined && this.#reservations.has(reservation)
    if (customer === this.#name || isTheirs) this.#take(this.#found.customer, at)
  }

  result(): History {
    const kinds: readonly Kind[] = this.#kind === undefined ? ['product', 'customer'] : [this.#kind]
    const kind = kinds.find((candidate) => this.#found[candidate].isKnown)
    if (kind === undefined) throw this.#unknown()
    const { newest, count } = this.#found[kind]
    const events = this.#limit === 0 ? [] : newest.slice(-this.#limit)
    const isAmbiguous = this.#kind === undefined && kind === 'product' && this.#found.customer.isKnown
    return { kind, events, leftOut: count - events.length, isAmbiguous }
  }

  #take(found: Found, at: JournalEvent): void {
    found.isKnown = true
    if (!isSince(at, this.#since)) return
    found.count += 1
    if (this.#limit === 0) return
    found.newest.push(at)
    if (found.newest.length >= 2 * this.#limit + keptBeyondLimit)
      found.newest = found.newest.slice(-this.#limit)
  }

  /** What is known only from events that are not here, and may go on in those that are. */
  #recallArchived(): void {
    for (let shard = 0; shard < shardsOf(this.#files); shard++) {
      for (const { state } of validSnapshots(this.#files, shard as ShardId)) {
        for (const product of state.products.keys()) {
          this.#nearest.offer(product)
          if (product === this.#name) this.#found.product.isKnown = true
        }
        for (const { id, customerId } of madeIn(state)) {
          if (id === this.#name) this.#found.reservation.isKnown = true
          if (customerId !== this.#name) continue
          this.#reservations.add(id)
          this.#found.customer.isKnown = true
        }
      }
    }
  }

  #unknown(): Unusable {
    if (this.#kind === 'product') for (const product of productsIn(this.#files)) this.#nearest.offer(product)
    const { found } = this.#nearest
    const isMeant = found !== undefined && found !== this.#name && this.#kind !== 'reservation'
    const archived = archivedElsewhere(this.#files)
    const what = this.#kind ?? 'product, reservation or customer'
    return new Unusable(
      [
        `There is no ${what} ${quoted(this.#name)} in this journal.`,
        ...(isMeant ? [`Did you mean ${found}?`] : []),
        ...(archived === undefined ? [] : [`${archived}.`]),
      ].join(' '),
    )
  }
}

/** Every reservation that a shard knows of, and those that stand in line will make. */
function* madeIn(state: ShardState): Generator<{
  readonly id: ReservationId
  readonly customerId: CustomerId | undefined
}> {
  yield* state.reservations.values()
  yield* state.splits.values()
  for (const holds of state.holds.values())
    for (const { reservationId: id, customerId } of holds) yield { id, customerId }
  for (const { waitlist } of state.products.values())
    for (const { reservationId: id, customerId } of waitlist?.line.values() ?? []) yield { id, customerId }
}

function none(): Found {
  return { newest: [], count: 0, isKnown: false }
}

function forcedKind({ product, customer }: Options): Kind | undefined {
  if (product && customer) throw new Unusable('--product and --customer exclude one another.')
  if (product) return 'product'
  return customer ? 'customer' : undefined
}

function checkSince(since: Point | undefined, home: ShardId | undefined): void {
  if (since?.type !== 'sequence' || since.shard !== undefined || home !== undefined) return
  throw new Unusable(
    `--since ${pointText(since)}: sequences are counted by shard, and this may be in several. Name one (s3.${since.sequence}), or a time.`,
  )
}

function isSince({ atMs, shard, sequence }: JournalEvent, since: Point | undefined): boolean {
  if (since === undefined) return true
  if (since.type === 'time') return atMs >= since.atMs
  return sequence >= since.sequence && (since.shard === undefined || since.shard === shard)
}

function remarkOn(
  { kind, events, leftOut, isAmbiguous }: History,
  about: { readonly name: string; readonly files: JournalFiles; readonly terminal: Terminal },
): void {
  const { name, files, terminal } = about
  if (events.length === 0 && leftOut === 0)
    terminal.remark(`Nothing happened to ${kind} ${quoted(name)} then.`)
  if (leftOut > 0) terminal.remark(`${countOf(leftOut, 'older event')} not shown (--limit)`)
  if (isAmbiguous) terminal.remark(`There is a customer ${quoted(name)} too (--customer)`)
  const archived = archivedElsewhere(files)
  if (archived !== undefined) terminal.remark(archived)
}

function jsonLine(event: JournalEvent): string {
  return JSON.stringify({ ...eventJson(event), cause: causeOf(event.event) })
}

function textLine(event: JournalEvent): string {
  return `${eventText(event)} (${causeOf(event.event)})`
}
