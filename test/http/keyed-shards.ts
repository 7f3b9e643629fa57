/**
 * Shards as far as keys and stock go, in memory: what `idempotency.ts` may rely on, and no more. Every message waits at a
 * gate before it is heard and its reply at another, so that a test can let them through in any order, or lose them.
 */
import { type CommandKey, fingerprintIn, hashIn } from '../../src/actors/command-key.ts'
import { EngineError } from '../../src/actors/engine-error.ts'
import type {
  Request as EngineRequest,
  Refused,
  Reply,
  ReplyTo,
  SplitHeldReply,
} from '../../src/actors/requests.ts'
import { shardOfRequest } from '../../src/actors/routing.ts'
import type { SeveralProducts } from '../../src/actors/split-coordinator.ts'
import type { Line } from '../../src/domain/commands.ts'
import { homeOf, type ProductId, type ReservationId, reservationIdOf, shardOf } from '../../src/domain/ids.ts'
import type { ReservationEngine, SplitReservations } from '../../src/http/parts.ts'
import { NOW_MS } from './fake-parts.ts'

/** What becomes of a message: it arrives, or is refused unheard, or nobody knows whether it was heard. */
export type Fate = 'heard' | 'refused' | 'heard, reply lost' | 'lost'

type Known =
  | {
      readonly kind: 'claim'
      readonly fingerprint: string
      readonly reservationId: ReservationId
      /** Who got it and has not given it back. */
      holders: number
    }
  | { readonly kind: 'answer'; readonly fingerprint: string; readonly reply: Reply }

export type Made = { readonly reservationId: ReservationId; readonly lines: readonly Line[] }

/** Shards whose messages wait at gates. */
export type GatedShards = ReservationEngine & {
  readonly shards: number
  readonly splits: SplitReservations
  /** Every reservation that was ever made. */
  readonly made: readonly Made[]
  restock(productId: ProductId, units: number): void
  /** Lets so much time pass that nothing is under way any more; answers with the units that are held for nothing. */
  rest(): Promise<number>
}

export type GatedOptions = {
  readonly shards: number
  readonly stock: Readonly<Record<string, number>>
  readonly gate?: () => Promise<Fate>
}

export class KeyedShards implements GatedShards {
  readonly isCrowded = false
  readonly shards: number
  readonly stock: Map<ProductId, number>
  readonly made: Made[] = []
  readonly #gate: () => Promise<Fate>
  readonly #keys: readonly Map<string, Known>[]
  #drawn = 0

  constructor(options: GatedOptions) {
    this.shards = options.shards
    this.stock = new Map(Object.entries(options.stock)) as Map<ProductId, number>
    this.#gate = options.gate ?? (() => Promise.resolve('heard'))
    this.#keys = Array.from({ length: options.shards }, () => new Map())
  }

  newReservationId(productId: ProductId): ReservationId {
    this.#drawn += 1
    return reservationIdOf(String(this.#drawn).padStart(26, '0'), shardOf(productId, this.shards))
  }

  restock(productId: ProductId, units: number): void {
    this.stock.set(productId, (this.stock.get(productId) ?? 0) + units)
  }

  rest(): Promise<number> {
    return Promise.resolve(0)
  }

  async execute<R extends EngineRequest>(request: R): Promise<ReplyTo<R>> {
    // What a request is answered with is the engine's promise; this stands in for it.
    return (await this.#send(() => this.#answer(request))) as ReplyTo<R>
  }

  /** The coordinator as one step at the home: it answers as before, or holds every line, or none. */
  readonly splits: SplitReservations = {
    reserve: async (ask) => (await this.#send(() => this.#reserveSeveral(ask))) as SplitHeldReply | Refused,
    change: () => Promise.reject(new Error('nothing is changed here')),
  }

  async #send(answer: () => Reply): Promise<Reply> {
    const fate = await this.#gate()
    if (fate === 'refused') throw new EngineError('overloaded', 'unheard')
    const reply = fate === 'lost' ? undefined : answer()
    await this.#gate()
    if (reply === undefined || fate === 'heard, reply lost') throw new EngineError('outcome-unknown', 'lost')
    return reply
  }

  #answer(request: EngineRequest): Reply {
    const keys = this.#keysOf(shardOfRequest(request, this.shards))
    switch (request.type) {
      case 'claimKey': {
        const { reservationId } = request
        const fingerprint = fingerprintIn(request.key)
        const known = keys.get(hashIn(request.key))
        if (known === undefined) {
          keys.set(hashIn(request.key), { kind: 'claim', fingerprint, reservationId, holders: 1 })
          return { type: 'claimed', reservationId }
        }
        if (known.fingerprint !== fingerprint || known.kind === 'answer') return mismatch()
        known.holders += 1
        return { type: 'claimed', reservationId: known.reservationId }
      }
      case 'freeKey': {
        const known = keys.get(hashIn(request.key))
        if (known?.kind !== 'claim' || known.reservationId !== request.reservationId) return { type: 'done' }
        known.holders -= 1
        if (known.holders === 0) keys.delete(hashIn(request.key))
        return { type: 'done' }
      }
      case 'reserve': {
        const { reservationId, productId, quantity, key } = request
        return this.#once(keys, key, () => {
          const short = this.#hold(reservationId, [{ productId, quantity }])
          if (short !== undefined) return short
          const available = this.stock.get(productId) ?? 0
          const sequence = this.made.length
          return {
            type: 'held',
            reservationId,
            quantity,
            available,
            expiresAtMs: NOW_MS + sequence,
            sequence,
          }
        })
      }
      default:
        throw new Error(`nobody asks these shards for ${request.type}`)
    }
  }

  #reserveSeveral({ reservationId, lines, key }: SeveralProducts): Reply {
    return this.#once(this.#keysOf(homeOf(reservationId)), key, () => {
      const short = this.#hold(reservationId, lines)
      if (short !== undefined) return short
      const held = lines.map((line) => ({ ...line, available: this.stock.get(line.productId) ?? 0 }))
      const sequence = this.made.length
      return { type: 'splitHeld', reservationId, lines: held, expiresAtMs: NOW_MS + sequence, sequence }
    })
  }

  #once(keys: Map<string, Known>, key: CommandKey | undefined, decide: () => Reply): Reply {
    if (key === undefined) return decide()
    const known = keys.get(hashIn(key))
    if (known !== undefined && known.fingerprint !== fingerprintIn(key)) return mismatch()
    if (known?.kind === 'answer') return { ...known.reply, replayed: true } as Reply
    const reply = decide()
    if (reply.type !== 'refused') {
      keys.set(hashIn(key), { kind: 'answer', fingerprint: fingerprintIn(key), reply })
    }
    return reply
  }

  #hold(reservationId: ReservationId, lines: readonly Line[]): Refused | undefined {
    if (this.made.some((each) => each.reservationId === reservationId)) {
      return { type: 'refused', refusal: { reason: 'reservationExists' } }
    }
    const items = lines.flatMap(({ productId, quantity: requested }) => {
      const available = this.stock.get(productId) ?? 0
      return available < requested ? [{ productId, requested, available }] : []
    })
    if (items.length > 0) return { type: 'refused', refusal: { reason: 'outOfStock', items } }
    for (const { productId, quantity } of lines) {
      this.stock.set(productId, (this.stock.get(productId) ?? 0) - quantity)
    }
    this.made.push({ reservationId, lines })
    return undefined
  }

  #keysOf(shard: number): Map<string, Known> {
    const keys = this.#keys[shard]
    if (keys === undefined) throw new Error(`there is no shard ${shard}`)
    return keys
  }
}

function mismatch(): Refused {
  return { type: 'refused', refusal: { reason: 'idempotencyMismatch' } }
}
