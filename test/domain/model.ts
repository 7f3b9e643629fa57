/**
 * A second opinion on the rules, written to be unlike them: it has no counters and no events. It keeps every adjustment
 * and every reservation ever made, and adds them all up again for each question.
 */
import type { Line, ProductCommand, ReservationCommand, Reserve } from '../../src/domain/commands.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import type { ReservationStatus, Sale } from '../../src/domain/stock.ts'

/** `nothing` is accepted without an event; `broken` only a bug asks for. */
export type Verdict = 'done' | 'nothing' | 'broken' | Refusal['reason']

type Fault = readonly [reason: Verdict, isSo: boolean]

export type Entry = {
  readonly id: string
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  readonly latestMs: number
  status: ReservationStatus
  /** While it lives, the units held; once confirmed, those confirmed. */
  units: number
  returned: number
  endsMs: number
  closed: boolean
  forgotten: boolean
}

export class Model {
  readonly entries: Entry[] = []
  /** The product of each change so far. */
  readonly #changes: ProductId[] = []
  readonly #adjusted: { readonly productId: ProductId; readonly units: number }[] = []
  readonly #sales = new Map<ProductId, Sale>()
  readonly #retired = new Set<ProductId>()

  apply(command: ProductCommand | ReservationCommand, nowMs: number): Verdict {
    if ('productId' in command) return this.#forProduct(command, nowMs)
    const entry = this.entries.find(({ id, forgotten }) => id === command.reservationId && !forgotten)
    return entry === undefined ? 'unknownReservation' : this.#forEntry(entry, command, nowMs)
  }

  productOf = (productId: ProductId) => ({
    onHand: this.onHand(productId),
    held: this.held(productId),
    sold: this.sold(productId),
    retired: this.isRetired(productId),
    sale: this.sale(productId),
  })

  /** Everybody who has something. */
  customersOf(productId: ProductId): ReadonlyMap<CustomerId, number> {
    const names = this.entries.flatMap(({ customerId }) => (customerId === undefined ? [] : [customerId]))
    const counts = names.map((name) => [name, this.counted(productId, name)] as const)
    return new Map(counts.filter(([, units]) => units > 0))
  }

  version = (productId: ProductId) => this.#changes.filter((changed) => changed === productId).length
  isRetired = (productId: ProductId) => this.#retired.has(productId)
  sale = (productId: ProductId) => this.#sales.get(productId) ?? {}
  held = (productId: ProductId) =>
    sum(this.entries.filter(of(productId)).filter(isAlive), ({ units }) => units)
  sold = (productId: ProductId) => sum(this.entries.filter(of(productId)).filter(isConfirmed), kept)
  brought = (productId: ProductId) => sum(this.#adjusted.filter(of(productId)), ({ units }) => units)
  onHand = (productId: ProductId) => this.brought(productId) - this.sold(productId)

  counted(productId: ProductId, customerId: CustomerId): number {
    const theirs = this.entries.filter(of(productId)).filter((entry) => entry.customerId === customerId)
    const bought = theirs.filter(isConfirmed).filter((entry) => !entry.closed)
    return sum(theirs.filter(isAlive), ({ units }) => units) + sum(bought, kept)
  }

  #forProduct(command: ProductCommand, nowMs: number): Verdict {
    const { productId } = command
    const isUnknown = this.version(productId) === 0
    switch (command.type) {
      case 'reserve':
        return this.#reserve(command, nowMs)
      case 'scheduleSale':
        return this.#unless(productId, [['unknownProduct', isUnknown]], () =>
          this.#sales.set(productId, command.sale),
        )
      case 'retire': {
        const faults: Fault[] = [
          ['unknownProduct', isUnknown],
          ['nothing', this.isRetired(productId)],
        ]
        return this.#unless(productId, faults, () => this.#retired.add(productId))
      }
      case 'adjust': {
        const { change } = command
        const [target, expected] =
          'set' in change
            ? [change.set, change.expectedVersion]
            : [this.onHand(productId) + change.delta, undefined]
        const faults: Fault[] = [
          ['unknownProduct', isUnknown && 'delta' in change && change.delta < 1],
          ['stockVersionMismatch', (expected ?? this.version(productId)) !== this.version(productId)],
          ['stockBelowHeld', target < this.held(productId)],
          ['stockAboveMax', target > 1_000_000_000],
        ]
        const units = target - this.onHand(productId)
        return this.#unless(productId, faults, () => this.#adjusted.push({ productId, units }))
      }
    }
  }

  #reserve(
    { productId, customerId, reservationId, quantity, allowPartial, ttlMs }: Reserve,
    nowMs: number,
  ): Verdict {
    const sale = this.sale(productId)
    const {
      opensAtMs = 0,
      closesAtMs = Infinity,
      maxPerReservation = Infinity,
      perCustomerLimit = Infinity,
    } = sale
    const had = customerId === undefined ? 0 : this.counted(productId, customerId)
    const available = this.onHand(productId) - this.held(productId)
    const isTooLittle = (room: number) => (allowPartial ? room < 1 : room < quantity)
    const faults: Fault[] = [
      ['reservationExists', this.entries.some(({ id, forgotten }) => id === reservationId && !forgotten)],
      ['unknownProduct', this.version(productId) === 0],
      ['customerRequired', perCustomerLimit < Infinity && customerId === undefined],
      ['productRetired', this.isRetired(productId)],
      ['saleNotOpen', opensAtMs > nowMs],
      ['saleClosed', closesAtMs <= nowMs],
      ['maxPerReservation', isTooLittle(maxPerReservation)],
      ['perCustomerLimit', isTooLittle(perCustomerLimit - had)],
      ['outOfStock', isTooLittle(available)],
    ]
    return this.#unless(productId, faults, () =>
      this.entries.push({
        id: reservationId,
        productId,
        customerId,
        latestMs: nowMs + 7_200_000,
        status: 'held',
        units: Math.min(quantity, maxPerReservation, perCustomerLimit - had, available),
        returned: 0,
        endsMs: nowMs + (ttlMs ?? sale.holdTtlMs ?? 600_000),
        closed: false,
        forgotten: false,
      }),
    )
  }

  #forEntry(entry: Entry, command: ReservationCommand, nowMs: number): Verdict {
    const { productId, status, endsMs, latestMs, closed } = entry
    const ended: Fault = ['reservationResolved', !isAlive(entry)]
    switch (command.type) {
      case 'extend': {
        const untilMs = nowMs + command.ttlMs
        const faults: Fault[] = [
          ended,
          ['paymentStarted', status === 'paying'],
          ['lifetimeExceeded', untilMs > latestMs],
          ['nothing', untilMs <= endsMs],
        ]
        return this.#unless(productId, faults, () => Object.assign(entry, { endsMs: untilMs }))
      }
      case 'startPayment': {
        // The middle one of the three: neither before the hold's end nor after the lifetime's.
        const [, deadlineMs] = [endsMs, nowMs + command.payingMs, latestMs].sort((a, b) => a - b)
        const change = { status: 'paying', endsMs: deadlineMs }
        return this.#unless(productId, [ended, ['nothing', status === 'paying']], () =>
          Object.assign(entry, change),
        )
      }
      case 'release': {
        const units = named(entry, command.items, entry.units)
        const change = units < entry.units ? { units: entry.units - units } : { status: 'released' }
        return this.#unless(productId, [ended, ['exceedsHeld', units > entry.units]], () =>
          Object.assign(entry, change),
        )
      }
      case 'confirm': {
        const units = named(entry, command.items, entry.units)
        const change = { status: 'confirmed', units }
        return this.#unless(productId, [ended, ['exceedsHeld', units > entry.units]], () =>
          Object.assign(entry, change),
        )
      }
      case 'expire':
        return this.#unless(productId, [ended], () => Object.assign(entry, { status: 'expired' }))
      case 'return': {
        const units = named(entry, command.items, kept(entry))
        const faults: Fault[] = [
          ['notConfirmed', isAlive(entry)],
          ['reservationResolved', status !== 'confirmed'],
          ['returnWindowOver', closed],
          ['exceedsConfirmed', units > kept(entry) || units === 0],
        ]
        const change = { returned: entry.returned + units }
        return this.#unless(productId, faults, () => Object.assign(entry, change))
      }
      case 'closeReturns': {
        const faults: Fault[] = [['broken', status !== 'confirmed' || closed]]
        return this.#unless(productId, faults, () => Object.assign(entry, { closed: true }))
      }
      case 'forget': {
        const faults: Fault[] = [['broken', isAlive(entry) || (status === 'confirmed' && !closed)]]
        return this.#unless(productId, faults, () => Object.assign(entry, { forgotten: true }))
      }
    }
  }

  #unless(productId: ProductId, faults: readonly Fault[], act: () => unknown): Verdict {
    const fault = faults.find(([, isSo]) => isSo)
    if (fault !== undefined) return fault[0]
    act()
    this.#changes.push(productId)
    return 'done'
  }
}

const of = (productId: ProductId) => (entry: { readonly productId: ProductId }) =>
  entry.productId === productId
const isAlive = ({ status }: Entry) => status === 'held' || status === 'paying'
const isConfirmed = ({ status }: Entry) => status === 'confirmed'
const kept = ({ units, returned }: Entry) => units - returned

/** More than there can be, where a line names another product. */
function named(entry: Entry, items: readonly Line[] | undefined, all: number): number {
  if (items === undefined) return all
  return items.every(of(entry.productId)) ? sum(items, ({ quantity }) => quantity) : Infinity
}

function sum<Item>(items: readonly Item[], unitsOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + unitsOf(item), 0)
}
