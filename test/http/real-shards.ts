/** Real shards and the real coordinator, in one thread; each message and each reply waits at a gate. */
import { EngineError } from '../../src/actors/engine-error.ts'
import { MemoryBudget } from '../../src/actors/memory-budget.ts'
import type { Request as EngineRequest, Reply, ReplyTo } from '../../src/actors/requests.ts'
import { shardOfRequest } from '../../src/actors/routing.ts'
import { Shard } from '../../src/actors/shard.ts'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { Event } from '../../src/domain/events.ts'
import {
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
  shardOf,
} from '../../src/domain/ids.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import { NOW_MS } from './fake-parts.ts'
import type { Fate, GatedOptions, GatedShards, Made } from './keyed-shards.ts'

const MINUTE_MS = 60_000
const ROUNDS = 6
const MANY = 1_000
const PLENTY = 1e9

export class RealShards implements GatedShards {
  readonly isCrowded = false
  readonly shards: number
  readonly made: Made[] = []
  readonly #gate: () => Promise<Fate>
  readonly #all: readonly Shard[]
  readonly splits: SplitCoordinator
  #drawn = 0
  #nowMs = NOW_MS

  constructor(options: GatedOptions) {
    this.shards = options.shards
    this.#gate = options.gate ?? (() => Promise.resolve('heard'))
    const sink = {
      roomFor: () => 'all' as const,
      isFull: () => false,
      beginSection: () => {},
      append: (event: Event) => {
        if (event.type === 'UnitsHeld') this.made.push({ reservationId: event.reservationId, lines: [event] })
        if (event.type === 'SplitHeld')
          this.made.push({ reservationId: event.reservationId, lines: event.lines })
      },
      endSection: () => {},
    }
    this.#all = Array.from(
      { length: options.shards },
      (_, shard) =>
        new Shard(
          {
            shard: shard as ShardId,
            state: emptyShard(),
            nextSequence: 1,
            readyAtMs: NOW_MS - 1_000,
            returnWindowMs: PLENTY,
            memory: new MemoryBudget(PLENTY),
          },
          sink,
        ),
    )
    for (const [productId, onHand] of Object.entries(options.stock))
      this.restock(productId as ProductId, onHand)
    this.splits = new SplitCoordinator(this, {
      clock: { monotonicMs: () => 0 },
      timers: { after: () => ({ cancel() {} }), soon: () => {} },
      shards: this.shards,
    })
  }

  restock(productId: ProductId, by: number): void {
    const change = {
      set: by + (this.#all[shardOf(productId, this.shards)]?.state.products.get(productId)?.onHand ?? 0),
      expectedVersion: undefined,
    }
    this.#ask({ type: 'adjust', productId, change, reason: 'x', reference: undefined })
  }

  /** A minute passes: holds whose outcome nobody told ask, and nobody is under way any more. */
  async rest(): Promise<number> {
    for (let round = 0; round < ROUNDS; round++) {
      this.#nowMs += MINUTE_MS / ROUNDS
      for (const shard of this.#all) {
        shard.beginTurn(this.#nowMs)
        shard.doWhatIsDue(MANY)
        const duties = shard.takeDuties(MANY)
        shard.endTurn()
        for (const duty of duties) {
          if (duty.type === 'settle') await this.splits.deliver(duty.settlement)
          else await this.splits.resolve(duty.reservationId, duty.participant)
        }
      }
    }
    const held = this.#all.flatMap(({ state }) => [...state.products.values()].map((stock) => stock.held))
    const made = this.made.flatMap(({ lines }) => lines.map(({ quantity }) => quantity))
    return sum(held) - sum(made)
  }

  newReservationId(productId: ProductId): ReservationId {
    this.#drawn += 1
    return reservationIdOf(String(this.#drawn).padStart(26, '0'), shardOf(productId, this.shards))
  }

  async execute<R extends EngineRequest>(request: R): Promise<ReplyTo<R>> {
    const fate = await this.#gate()
    if (fate === 'refused') throw new EngineError('overloaded', 'unheard')
    const reply = fate === 'lost' ? undefined : this.#ask(request)
    await this.#gate()
    if (reply === undefined || fate === 'heard, reply lost') throw new EngineError('outcome-unknown', 'lost')
    return reply as ReplyTo<R>
  }

  #ask(request: EngineRequest): Reply {
    const shard = this.#all[shardOfRequest(request, this.shards)] as Shard
    shard.beginTurn(this.#nowMs)
    const reply = shard.answer(request)
    shard.endTurn()
    if (reply.type === 'undecided') throw new EngineError(reply.code, reply.why)
    return structuredClone(reply)
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0)
}
