/**
 * Reservations of several products, lines of those who wait, and idempotency keys, in a workshop's journal: decided by the
 * engine's rules, and handed from shard to shard as its coordinator does, or not, as if it had died between two steps.
 */
import type { Command, Line, ReserveSplit, Settle } from '../../src/domain/commands.ts'
import type { Event } from '../../src/domain/events.ts'
import {
  type CustomerId,
  homeOf,
  type ProductId,
  type ReservationId,
  type ShardId,
  shardOf,
} from '../../src/domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../src/domain/key-table.ts'
import { abortedStep, type SplitReservation, settlementFor } from '../../src/domain/split.ts'
import { availableOf, isLive } from '../../src/domain/stock.ts'
import { chanceOf, type Workshop } from './workshop.ts'

const CUSTOMERS = ['ann', 'bob', 'cem', 'dora', 'eve', 'fay'] as CustomerId[]
const HOUR_MS = 3_600_000

/** So many rounds, each with a bit of everything. */
export async function tradeSeveral(shop: Workshop, rounds: number, seed = 1): Promise<void> {
  const trader = new Trader(shop, seed)
  for (let round = 0; round < rounds; round++) await trader.round()
}

class Trader {
  readonly #shop: Workshop
  readonly #chance: () => number
  #keys = 0

  constructor(shop: Workshop, seed: number) {
    this.#shop = shop
    this.#chance = chanceOf(seed)
  }

  async round(): Promise<void> {
    await this.#ofSeveral()
    for (const split of this.#all()) if (this.#chance() < 0.5) await this.#change(split)
    await this.#askAgain()
    await this.#catchUp()
    await this.#waitInLine()
    await this.#useKeys()
  }

  /** The whole way of one reservation, which may end at any step. */
  async #ofSeveral(): Promise<void> {
    const lines = this.#drawLines()
    const [first] = lines
    if (first === undefined) return
    const { shards } = this.#shop
    const home = shardOf(first.productId, shards)
    const reservationId = this.#shop.drawId(home)
    const customerId = this.#chance() < 0.9 ? this.#oneOf(CUSTOMERS) : undefined
    const allowPartial = this.#chance() < 0.3
    const asked = { reservationId, customerId, allowPartial }
    const byShard = Map.groupBy(lines, ({ productId }) => shardOf(productId, shards))
    const heldElsewhere: ReserveSplit['heldElsewhere'][number][] = []
    let isRefused = false
    for (const [shard, ofShard] of byShard) {
      if (shard === home) continue
      const decision = await this.#shop.tell(shard, { type: 'holdLines', ...asked, shard, lines: ofShard })
      if (decision.type === 'refused') isRefused ||= !allowPartial
      else
        for (const event of decision.events)
          if (event.type === 'HoldPlaced') heldElsewhere.push({ ...event, shard, holdVersion: event.version })
    }
    if (this.#chance() < 0.1) return
    if (!isRefused) {
      const decision = await this.#shop.tell(home, {
        type: 'reserveSplit',
        ...asked,
        home,
        ttlMs: undefined,
        reference: this.#chance() < 0.3 ? `order of ${reservationId}` : undefined,
        lines: byShard.get(home) ?? [],
        heldElsewhere,
        ttlMsElsewhere: undefined,
      })
      isRefused = decision.type === 'refused'
    }
    if (isRefused) for (const { shard } of heldElsewhere) await this.#ask(reservationId, shard)
  }

  /** What its buyer does next. */
  async #change(split: SplitReservation): Promise<void> {
    const { id: reservationId, status } = split
    const dice = this.#chance()
    const part = split.lines
      .filter(({ quantity, returned }) => quantity > returned && this.#chance() < 0.5)
      .map(({ productId }) => ({ productId, quantity: 1 }))
    const items = part.length > 0 && this.#chance() < 0.6 ? part : undefined
    let command: Command
    if (isLive(status)) {
      if (dice < 0.1) command = { type: 'extend', reservationId, ttlMs: HOUR_MS }
      else if (dice < 0.25) command = { type: 'startPayment', reservationId, payingMs: 900_000 }
      else if (dice < 0.5) command = { type: 'release', reservationId, items }
      else if (dice < 0.85) command = { type: 'confirm', reservationId, items, reference: undefined }
      else command = { type: 'expire', reservationId }
    } else if (status === 'confirmed' && !split.returnClosed) {
      command =
        dice < 0.7
          ? { type: 'return', reservationId, items, reason: 'too small' }
          : { type: 'closeReturns', reservationId }
    } else if (split.unsettled.size === 0) command = { type: 'forget', reservationId }
    else return
    await this.#shop.tell(homeOf(reservationId), command)
    for (const shard of [...split.unsettled]) if (this.#chance() < 0.8) await this.#deliver(split, shard)
  }

  /** A command whose answer was lost comes again, whatever has become of its reservation, and a shard may hold units anew. */
  async #askAgain(): Promise<void> {
    const split = this.#oneOf(this.#all())
    if (split === undefined || this.#chance() < 0.5) return
    const { id: reservationId, customerId } = split
    for (const { productId, quantity } of [...split.lines, ...this.#drawLines()]) {
      const shard = shardOf(productId, this.#shop.shards)
      if (shard === homeOf(reservationId) || this.#chance() < 0.5) continue
      const lines = [{ productId, quantity: Math.max(1, quantity) }]
      const again = {
        type: 'holdLines',
        reservationId,
        shard,
        customerId,
        allowPartial: true,
        lines,
      } as const
      await this.#shop.tell(shard, again)
    }
  }

  /** What a start does for those who died: delivers again, and asks. */
  async #catchUp(): Promise<void> {
    for (const split of this.#all())
      for (const shard of [...split.unsettled]) if (this.#chance() < 0.3) await this.#deliver(split, shard)
    for (let shard = 0 as ShardId; shard < this.#shop.shards; shard++) {
      for (const [id, holds] of [...this.#shop.stateOf(shard).holds]) {
        const isDoubtful = homeOf(id) !== shard && holds.some(({ step }) => step === 0)
        if (isDoubtful && this.#chance() < 0.3) await this.#ask(id, shard as ShardId)
      }
      const [aborted] = this.#shop.stateOf(shard).aborted.keys()
      if (aborted === undefined || this.#chance() < 0.5) continue
      await this.#shop.tell(shard, [{ type: 'AbortForgotten', reservationId: aborted }])
    }
  }

  async #deliver(split: SplitReservation, shard: ShardId): Promise<void> {
    const settlement = settlementFor(split, shard)
    await this.#shop.tell(shard, { type: 'settle', ...settlement })
    if (this.#chance() < 0.1) return
    const { id: reservationId, step } = split
    await this.#shop.tell(homeOf(reservationId), {
      type: 'acknowledge',
      reservationId,
      participant: shard,
      step,
    })
  }

  async #ask(reservationId: ReservationId, shard: ShardId): Promise<void> {
    const home = homeOf(reservationId)
    await this.#shop.tell(home, { type: 'askOutcome', reservationId, participant: shard })
    const split = this.#shop.stateOf(home).splits.get(reservationId)
    const aborted = { reservationId, shard, step: abortedStep, lines: [], closed: false }
    const isOfShard = split?.lines.some((line) => line.shard === shard) === true
    const said: Omit<Settle, 'type'> = isOfShard ? settlementFor(split, shard) : aborted
    await this.#shop.tell(shard, { type: 'settle', ...said })
  }

  async #waitInLine(): Promise<void> {
    const shard = Math.floor(this.#chance() * this.#shop.shards)
    const stock = this.#oneOf([...this.#shop.stateOf(shard).products.values()])
    if (stock === undefined) return
    const { productId } = stock
    const [waiting] = stock.waitlist?.line.keys() ?? []
    if (waiting !== undefined && this.#chance() < 0.2) {
      await this.#shop.tell(shard, { type: 'leaveWaitlist', productId, customerId: waiting })
    } else if (waiting !== undefined && this.#chance() < 0.5) {
      const delta = 1 + Math.floor(this.#chance() * 6)
      const change = { delta }
      await this.#shop.tell(shard, {
        type: 'adjust',
        productId,
        change,
        reason: 'more',
        reference: undefined,
      })
    } else {
      const customerId = this.#oneOf(CUSTOMERS) as CustomerId
      const quantity = availableOf(stock) + 1 + Math.floor(this.#chance() * 3)
      const reservationId = this.#shop.drawId(shard as ShardId)
      await this.#shop.tell(shard, { type: 'joinWaitlist', productId, customerId, quantity, reservationId })
    }
  }

  async #useKeys(): Promise<void> {
    const shard = Math.floor(this.#chance() * this.#shop.shards) as ShardId
    const { keys } = this.#shop.stateOf(shard)
    const oldest = keys.values().next().value
    const events: Event[] = []
    if (oldest?.kind === 'claim' && this.#chance() < 0.5) {
      const { hash, fingerprint } = oldest
      const answer = 'x'.repeat(Math.floor(this.#chance() * 60))
      events.push(
        this.#chance() < 0.5
          ? { type: 'KeyFreed', hash }
          : { type: 'KeyAnswered', hash, fingerprint, answer },
      )
    } else if (keys.size > 3 && this.#chance() < 0.5) {
      this.#shop.nowMs += 2 * HOUR_MS
      events.push({ type: 'KeysForgotten', count: 2 })
    } else {
      this.#keys += 1
      const hash = `${this.#shop.nowMs}-${this.#keys}`.padStart(16, '\u00ff').slice(-16) as KeyHash
      const fingerprint = 'a body  ' as Fingerprint
      const reservationId = this.#shop.drawId(0 as ShardId)
      events.push(
        this.#chance() < 0.5
          ? { type: 'KeyClaimed', hash, fingerprint, reservationId }
          : { type: 'KeyAnswered', hash, fingerprint, answer: 'an answer of more than thirty-two bytes' },
      )
    }
    await this.#shop.tell(shard, events)
  }

  #all(): SplitReservation[] {
    return Array.from({ length: this.#shop.shards }, (_, shard) => [
      ...this.#shop.stateOf(shard).splits.values(),
    ]).flat()
  }

  #drawLines(): Line[] {
    const products = new Set<ProductId>()
    for (let draws = 2 + Math.floor(this.#chance() * 3); draws > 0; draws--) {
      const shard = Math.floor(this.#chance() * this.#shop.shards)
      const stock = this.#oneOf([...this.#shop.stateOf(shard).products.values()])
      if (stock !== undefined) products.add(stock.productId)
    }
    return [...products]
      .sort()
      .map((productId) => ({ productId, quantity: 1 + Math.floor(this.#chance() * 3) }))
  }

  #oneOf<T>(values: readonly T[]): T | undefined {
    return values[Math.floor(this.#chance() * values.length)]
  }
}
