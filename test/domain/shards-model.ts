/**
 * A second opinion on reservations of one and of several products and on lines, written to be unlike the rules. It keeps of
 * every reservation what it stood at after each of its steps, and of every hold which step its shard has heard of. All
 * counters are added up from that, again for each question.
 */
import type {
  Adjust,
  Command,
  HoldLines,
  JoinWaitlist,
  LeaveWaitlist,
  Line,
  ReservationCommand,
  Reserve,
  ReserveSplit,
  Settle,
} from '../../src/domain/commands.ts'
import {
  type CustomerId,
  homeOf,
  type ProductId,
  type ReservationId,
  type ShardId,
} from '../../src/domain/ids.ts'
import { abortedStep } from '../../src/domain/split.ts'
import type { Sale } from '../../src/domain/stock.ts'
import { type Booking, changeOf, type Fault, isAlive, type Stand, standOf, type Verdict } from './booking.ts'

/** Units that a product's shard has put down for a reservation. */
type Part = {
  readonly id: ReservationId
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  readonly units: number
  /** Whether a reservation was made with it; else it is of a command that came to nothing, or was heard again. */
  isLine: boolean
  /** The newest step its shard has heard of. */
  seen: number
}

type Place = { readonly customerId: CustomerId; readonly quantity: number; readonly id: ReservationId }

type Product = {
  readonly shard: ShardId
  brought: number
  retired: boolean
  sale: Sale
  line: Place[]
  /** Free units that are the head's. */
  aside: number
  readonly served: Map<CustomerId, ReservationId>
}

const HOPELESS: readonly Verdict[] = ['unknownProduct', 'customerRequired']
const PRECEDENCE: readonly Verdict[] = [
  'unknownProduct',
  'customerRequired',
  'productRetired',
  'saleNotOpen',
  'saleClosed',
  'maxPerReservation',
  'perCustomerLimit',
  'outOfStock',
]

export class ShardsModel {
  readonly bookings: Booking[] = []
  readonly products = new Map<ProductId, Product>()
  readonly #aborted = new Set<ReservationId>()
  readonly #parts: Part[] = []
  readonly #shardOf: (productId: ProductId) => ShardId
  readonly #touched = new Set<ProductId>()

  constructor(shardOf: (productId: ProductId) => ShardId) {
    this.#shardOf = shardOf
  }

  /** What one command is answered. Whoever asks next calls `serve` for each product it names. */
  apply(
    command: Command,
    nowMs: number,
  ): { readonly verdict: Verdict; readonly touched: readonly ProductId[] } {
    const before = new Map([...this.products.keys()].map((productId) => [productId, this.free(productId)]))
    this.#touched.clear()
    const verdict = this.#answer(command, nowMs)
    const touched = [...this.#touched]
    for (const productId of touched) {
      const product = this.#product(productId)
      const gained = this.free(productId) - (before.get(productId) ?? 0)
      const isForNobody = product.line.length === 0
      const own = Math.min(this.free(productId), product.aside + Math.max(0, gained))
      product.aside = isForNobody ? 0 : own
    }
    return { verdict, touched }
  }

  /** Lets the line have what is its own, for at most `max` of it; true where it must go on. */
  serve(productId: ProductId, max: number, nowMs: number): boolean {
    const product = this.#product(productId)
    let left = max
    for (let head = product.line[0]; head !== undefined; head = product.line[0]) {
      const isOver =
        this.isLineOver(productId, nowMs) || head.quantity > this.#most(productId, head.customerId)
      if (!isOver && head.quantity > this.free(productId)) return false
      if (left === 0) return true
      left -= 1
      product.line.shift()
      if (isOver) continue
      product.aside = Math.max(0, product.aside - head.quantity)
      this.#book({
        id: head.id,
        isSeveral: false,
        home: product.shard,
        customerId: head.customerId,
        nowMs,
        endsMs: nowMs + (product.sale.holdTtlMs ?? 600_000),
        lines: [{ productId, quantity: head.quantity }],
      })
      product.served.set(head.customerId, head.id)
    }
    product.aside = 0
    return false
  }

  /** Where a shard that starts again finds somebody to serve or to send away. */
  waitsToGoOn(productId: ProductId, nowMs: number): boolean {
    const head = this.products.get(productId)?.line[0]
    if (head === undefined) return false
    if (this.isLineOver(productId, nowMs)) return true
    return head.quantity <= this.free(productId) || head.quantity > this.#most(productId, head.customerId)
  }

  isLineOver(productId: ProductId, nowMs: number): boolean {
    const { retired, sale } = this.#product(productId)
    return retired || nowMs < (sale.opensAtMs ?? 0) || nowMs >= (sale.closesAtMs ?? Infinity)
  }

  held = (productId: ProductId) => sum(this.#partsOf(productId), (part) => this.#view(part).held)
  sold = (productId: ProductId) => sum(this.#partsOf(productId), (part) => this.#view(part).sold)
  onHand = (productId: ProductId) => (this.products.get(productId)?.brought ?? 0) - this.sold(productId)
  free = (productId: ProductId) => this.onHand(productId) - this.held(productId)
  available = (productId: ProductId) => this.free(productId) - (this.products.get(productId)?.aside ?? 0)

  /** Units in whatever the customer has of a product, as its shard has heard of it. */
  counted(productId: ProductId, customerId: CustomerId): number {
    return sum(this.#partsOf(productId), (part) =>
      part.customerId === customerId ? this.#view(part).counted : 0,
    )
  }

  /** Everybody who has something. */
  customersOf(productId: ProductId): ReadonlyMap<CustomerId, number> {
    const names = this.#partsOf(productId).flatMap(({ customerId }) => customerId ?? [])
    const counts = names.map((name) => [name, this.counted(productId, name)] as const)
    return new Map(counts.filter(([, units]) => units > 0))
  }

  /** Who was served and still holds it. */
  servedOf(productId: ProductId): ReadonlyMap<CustomerId, ReservationId> {
    const all = [...this.#product(productId).served]
    return new Map(all.filter(([, id]) => this.known(id) !== undefined && isAlive(standOf(this.known(id)))))
  }

  /** What each hold of a shard stands at, as far as it knows of it. */
  holdsOf(
    shard: ShardId,
  ): readonly { id: ReservationId; productId: ProductId; held: number; sold: number }[] {
    return this.#parts
      .filter((part) => this.#shardOf(part.productId) === shard && this.#isSeveral(part.id))
      .filter((part) => this.#exists(part))
      .map((part) => {
        const { held, sold } = this.#view(part)
        return { id: part.id, productId: part.productId, held, sold }
      })
  }

  abortedAt(home: ShardId): ReadonlySet<ReservationId> {
    return new Set([...this.#aborted].filter((id) => homeOf(id) === home))
  }

  forgetAbort(id: ReservationId): void {
    this.#aborted.delete(id)
  }

  known = (id: ReservationId) => this.bookings.find((booking) => booking.id === id && !booking.forgotten)

  /** Other shards that have lines of it and have not said that they heard the newest step. */
  unsettled({ home, stands, heard }: Booking): ReadonlySet<ShardId> {
    const newest = stands.length - 1
    const shards = [...(stands[0]?.lines.keys() ?? [])].map(this.#shardOf)
    return new Set(shards.filter((shard) => shard !== home && (heard.get(shard) ?? 0) < newest))
  }

  #answer(command: Command, nowMs: number): Verdict {
    switch (command.type) {
      case 'reserve':
        return this.#reserve(command, nowMs)
      case 'adjust':
        return this.#adjust(command)
      case 'scheduleSale':
      case 'retire':
        return this.#manage(command)
      case 'joinWaitlist':
        return this.#join(command, nowMs)
      case 'leaveWaitlist':
        return this.#leave(command, nowMs)
      case 'holdLines':
        return this.#holdLines(command, nowMs)
      case 'reserveSplit':
        return this.#reserveSplit(command, nowMs)
      case 'askOutcome': {
        if (this.known(command.reservationId) !== undefined || this.#aborted.has(command.reservationId))
          return 'nothing'
        this.#aborted.add(command.reservationId)
        return 'done'
      }
      case 'settle':
        return this.#settle(command)
      case 'acknowledge': {
        const booking = this.known(command.reservationId)
        const { participant, step } = command
        if (booking === undefined || !this.unsettled(booking).has(participant)) return 'nothing'
        if (step !== booking.stands.length - 1) return 'nothing'
        booking.heard.set(participant, step)
        return 'done'
      }
      default: {
        const booking = this.known(command.reservationId)
        return booking === undefined ? 'unknownReservation' : this.#change(booking, command, nowMs)
      }
    }
  }

  #reserve(command: Reserve, nowMs: number): Verdict {
    const { reservationId: id, productId, customerId } = command
    if (this.known(id) !== undefined) return 'reservationExists'
    const units = this.#admit(command, command, nowMs)
    if (typeof units !== 'number') return units
    const { shard, sale } = this.#product(productId)
    const endsMs = nowMs + (command.ttlMs ?? sale.holdTtlMs ?? 600_000)
    const lines = [{ productId, quantity: units }]
    this.#book({ id, isSeveral: false, home: shard, customerId, nowMs, endsMs, lines })
    return 'done'
  }

  #holdLines(command: HoldLines, nowMs: number): Verdict {
    const { reservationId: id, customerId, shard, lines } = command
    const isHeld = this.#parts.some(
      (part) => part.id === id && this.#shardOf(part.productId) === shard && this.#exists(part),
    )
    if (isHeld) return 'nothing'
    const got = this.#gather(lines, command, nowMs)
    if (typeof got === 'string') return got
    if (got.length === 0) return 'outOfStock'
    for (const { productId, quantity } of got)
      this.#put({ id, productId, customerId, units: quantity, isLine: false, seen: 0 })
    return 'done'
  }

  #reserveSplit(command: ReserveSplit, nowMs: number): Verdict {
    const { reservationId: id, customerId, home, heldElsewhere, lines } = command
    if (this.known(id) !== undefined || this.#aborted.has(id)) return 'reservationExists'
    const own = this.#gather(lines, command, nowMs, heldElsewhere.length > 0)
    if (typeof own === 'string') return own
    const sales = own.flatMap(({ productId }) => this.#product(productId).sale.holdTtlMs ?? [])
    const ttls = [...sales, ...(command.ttlMsElsewhere === undefined ? [] : [command.ttlMsElsewhere])]
    const ttlMs = command.ttlMs ?? (ttls.length === 0 ? 600_000 : Math.min(...ttls))
    const all = [...own, ...heldElsewhere]
    this.#book({ id, isSeveral: true, home, customerId, nowMs, endsMs: nowMs + ttlMs, lines: all })
    return 'done'
  }

  /** What the lines get; a refusal by precedence where that is not what was asked for. */
  #gather(
    lines: readonly Line[],
    asks: Asks,
    nowMs: number,
    mayBeNothing = false,
  ): Verdict | readonly Line[] {
    const got = lines.map((line) => ({ line, units: this.#admit(line, asks, nowMs) }))
    const refusals = got.flatMap(({ units }) => (typeof units === 'number' ? [] : [units]))
    const worst = PRECEDENCE.find((reason) => refusals.includes(reason))
    const held = got.flatMap(({ line, units }) =>
      typeof units === 'number' ? [{ productId: line.productId, quantity: units }] : [],
    )
    if (worst === undefined) return held
    const isGranted = asks.allowPartial && !HOPELESS.includes(worst) && (held.length > 0 || mayBeNothing)
    return isGranted ? held : worst
  }

  #admit({ productId, quantity }: Line, { customerId, allowPartial }: Asks, nowMs: number): Verdict | number {
    const product = this.products.get(productId)
    if (product === undefined) return 'unknownProduct'
    const { opensAtMs = 0, closesAtMs = Infinity, maxPerReservation = Infinity } = product.sale
    const { perCustomerLimit = Infinity } = product.sale
    const had = customerId === undefined ? 0 : this.counted(productId, customerId)
    const rooms = [maxPerReservation, perCustomerLimit - had, this.available(productId)] as const
    const isTooLittle = (room: number) => (allowPartial ? room < 1 : room < quantity)
    const faults: Fault[] = [
      ['customerRequired', perCustomerLimit < Infinity && customerId === undefined],
      ['productRetired', product.retired],
      ['saleNotOpen', opensAtMs > nowMs],
      ['saleClosed', closesAtMs <= nowMs],
      ['maxPerReservation', isTooLittle(rooms[0])],
      ['perCustomerLimit', isTooLittle(rooms[1])],
      ['outOfStock', isTooLittle(rooms[2])],
    ]
    return faults.find(([, isSo]) => isSo)?.[0] ?? Math.min(quantity, ...rooms)
  }

  #adjust({ productId, change }: Adjust): Verdict {
    const target = 'set' in change ? change.set : this.onHand(productId) + change.delta
    const faults: Fault[] = [
      ['unknownProduct', !this.products.has(productId) && 'delta' in change && change.delta < 1],
      ['stockBelowHeld', target < this.held(productId)],
    ]
    return this.#unless(faults, () => {
      const product = this.products.get(productId) ?? newProduct(this.#shardOf(productId))
      this.products.set(productId, product)
      product.brought += target - this.onHand(productId)
      this.#touched.add(productId)
    })
  }

  #manage(command: Extract<Command, { type: 'scheduleSale' | 'retire' }>): Verdict {
    const { productId } = command
    const product = this.products.get(productId)
    if (product === undefined) return 'unknownProduct'
    if (command.type === 'retire' && product.retired) return 'nothing'
    if (command.type === 'retire') product.retired = true
    else product.sale = command.sale
    this.#touched.add(productId)
    return 'done'
  }

  #join({ productId, customerId, quantity, reservationId: id }: JoinWaitlist, nowMs: number): Verdict {
    const product = this.products.get(productId)
    if (product === undefined) return 'unknownProduct'
    const { opensAtMs = 0, closesAtMs = Infinity, maxPerReservation = Infinity } = product.sale
    const present = product.line.find((place) => place.customerId === customerId)
    const faults: Fault[] = [
      ['reservationExists', this.known(id) !== undefined],
      ['productRetired', product.retired],
      ['saleNotOpen', opensAtMs > nowMs],
      ['saleClosed', closesAtMs <= nowMs],
      ['maxPerReservation', quantity > maxPerReservation],
      ['perCustomerLimit', quantity > this.#most(productId, customerId)],
      ['nothing', present?.quantity === quantity],
      ['alreadyWaiting', present !== undefined],
      ['stockAvailable', this.available(productId) >= quantity],
    ]
    return this.#unless(faults, () => product.line.push({ customerId, quantity, id }))
  }

  #leave({ productId, customerId }: LeaveWaitlist, nowMs: number): Verdict {
    const product = this.products.get(productId)
    if (product === undefined) return 'unknownProduct'
    const at = product.line.findIndex((place) => place.customerId === customerId)
    if (at === -1 || this.isLineOver(productId, nowMs)) return 'notWaiting'
    product.line.splice(at, 1)
    if (at === 0) this.#touched.add(productId)
    return 'done'
  }

  #settle({ reservationId: id, shard, step }: Settle): Verdict {
    let verdict: Verdict = 'nothing'
    for (const part of this.#parts) {
      if (part.id !== id || this.#shardOf(part.productId) !== shard) continue
      if (!this.#exists(part) || step <= part.seen) continue
      const before = JSON.stringify(this.#view(part))
      part.seen = step
      if (JSON.stringify(this.#view(part)) === before) continue
      verdict = 'done'
      this.#touched.add(part.productId)
    }
    return verdict
  }

  #change(booking: Booking, command: ReservationCommand, nowMs: number): Verdict {
    const isUnheard = this.unsettled(booking).size > 0
    const { faults, next, act } = changeOf(booking, command, { nowMs, isUnheard })
    return this.#unless(faults, () => {
      act?.()
      if (next !== undefined) this.#step(booking, next)
    })
  }

  /** The home's own lines, and all of a reservation of one product, hear of a step at once. */
  #step(booking: Booking, next: Stand): void {
    const { id, home, isSeveral, stands } = booking
    const wasClosed = standOf(booking).closed
    stands.push(next)
    for (const part of this.#parts) {
      if (part.id !== id || this.#shardOf(part.productId) !== home) continue
      if (isSeveral && !this.#exists(part)) continue
      const before = JSON.stringify(this.#view(part))
      part.seen = stands.length - 1
      // Whoever waits in line hears of any step but, of one product, that its return window is over.
      const isHeard = isSeveral ? JSON.stringify(this.#view(part)) !== before : next.closed === wasClosed
      if (isHeard) this.#touched.add(part.productId)
    }
  }

  #book(made: {
    readonly id: ReservationId
    readonly isSeveral: boolean
    readonly home: ShardId
    readonly customerId: CustomerId | undefined
    readonly nowMs: number
    readonly endsMs: number
    readonly lines: readonly Line[]
  }): void {
    const { id, isSeveral, home, customerId, nowMs, endsMs, lines } = made
    const bought = lines.map(
      ({ productId, quantity }) => [productId, { units: quantity, returned: 0 }] as const,
    )
    const stand: Stand = { status: 'held', closed: false, lines: new Map(bought) }
    const latestMs = nowMs + 7_200_000
    const heard = new Map<ShardId, number>()
    const booking = { id, home, isSeveral, customerId, latestMs, endsMs, heard, stands: [stand] }
    this.bookings.push({ ...booking, forgotten: false })
    for (const { productId, quantity: units } of lines) {
      if (this.#shardOf(productId) === home)
        this.#put({ id, productId, customerId, units, isLine: true, seen: 0 })
      for (const part of this.#parts)
        if (part.id === id && part.productId === productId && this.#exists(part)) part.isLine = true
    }
  }

  #put(part: Part): void {
    this.#parts.push(part)
    const { line } = this.#product(part.productId)
    if (line.some(({ customerId }) => customerId === part.customerId)) this.#touched.add(part.productId)
  }

  /** What its shard holds a part to be, from the newest step it has heard of. */
  #view({ id, productId, units, isLine, seen }: Part): { held: number; sold: number; counted: number } {
    if (seen === abortedStep) return { held: 0, sold: 0, counted: 0 }
    const stand = seen === 0 ? undefined : this.bookings.find((booking) => booking.id === id)?.stands[seen]
    if (stand === undefined) return { held: units, sold: 0, counted: units }
    const line = (isLine ? stand.lines.get(productId) : undefined) ?? { units: 0, returned: 0 }
    const held = isAlive(stand) ? line.units : 0
    const sold = stand.status === 'confirmed' ? line.units - line.returned : 0
    return { held, sold, counted: held + (stand.closed ? 0 : sold) }
  }

  /** Whether its shard keeps it: it holds something, or something of it can still come back. */
  #exists(part: Part): boolean {
    return this.#view(part).counted > 0
  }

  #isSeveral(id: ReservationId): boolean {
    return this.bookings.find((booking) => booking.id === id)?.isSeveral ?? true
  }

  /** What one more reservation may hold. */
  #most(productId: ProductId, customerId: CustomerId): number {
    const { perCustomerLimit = Infinity, maxPerReservation = Infinity } = this.#product(productId).sale
    return Math.min(maxPerReservation, perCustomerLimit - this.counted(productId, customerId))
  }

  #partsOf(productId: ProductId): readonly Part[] {
    return this.#parts.filter((part) => part.productId === productId)
  }

  #product(productId: ProductId): Product {
    const product = this.products.get(productId)
    if (product === undefined) throw new Error(`${productId} is unknown to the model`)
    return product
  }

  #unless(faults: readonly Fault[], act: () => unknown): Verdict {
    const fault = faults.find(([, isSo]) => isSo)
    if (fault !== undefined) return fault[0]
    act()
    return 'done'
  }
}

type Asks = { readonly customerId: CustomerId | undefined; readonly allowPartial: boolean }

function newProduct(shard: ShardId): Product {
  return { shard, brought: 0, retired: false, sale: {}, line: [], aside: 0, served: new Map() }
}

function sum<Item>(items: readonly Item[], unitsOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + unitsOf(item), 0)
}
