/**
 * Sees to what shards owe each other (split-duties.ts): hands each duty to the coordinator once what it rests on is durable.
 * Tells as late whose reservations have expired, for those who count that.
 *
 * S2 holds for words between shards too: a settlement that another shard journals must not rest on one that may be lost.
 */
import type { CustomerId } from '../domain/ids.ts'
import type { Clock, Port, Timers } from '../seams.ts'
import type { Engine } from './engine.ts'
import { EngineError } from './engine-error.ts'
import type { FromWorker } from './protocol.ts'
import type { Shard } from './shard.ts'
import { SplitCoordinator } from './split-coordinator.ts'
import type { Duty } from './split-duties.ts'

type Gathered = {
  readonly ordinal: number
  readonly shard: Shard
  readonly duties: readonly Duty[]
  readonly expired: readonly CustomerId[]
}

export class DutyDesk {
  readonly #coordinator: SplitCoordinator
  readonly #supervisor: Pick<Port<never, FromWorker>, 'send'>
  /** Oldest first. */
  readonly #gathered: Gathered[] = []

  constructor(
    engine: Pick<Engine, 'execute'>,
    options: {
      readonly clock: Pick<Clock, 'monotonicMs'>
      readonly timers: Timers
      readonly shards: number
      readonly supervisor: Pick<Port<never, FromWorker>, 'send'>
    },
  ) {
    this.#supervisor = options.supervisor
    this.#coordinator = new SplitCoordinator(engine, options)
  }

  /** Holds a shard's duties, and whom to tell of, until the frame of this ordinal is durable. */
  gather(ordinal: number, shard: Shard, duties: readonly Duty[]): void {
    if (duties.length + shard.expired.length === 0) return
    this.#gathered.push({ ordinal, shard, duties, expired: shard.expired.splice(0) })
  }

  /** Sees to all that rests on nothing behind this ordinal. What fails is due again later. */
  release(durableOrdinal: number): void {
    while (this.#gathered.length > 0 && (this.#gathered[0] as Gathered).ordinal <= durableOrdinal) {
      const { shard, duties, expired } = this.#gathered.shift() as Gathered
      if (expired.length > 0) this.#supervisor.send({ type: 'expired', customerIds: expired })
      for (const duty of duties) this.#see(shard, duty).catch(ignoreEngineError)
    }
  }

  async #see(shard: Shard, duty: Duty): Promise<void> {
    if (duty.type === 'settle') return this.#coordinator.deliver(duty.settlement)
    await this.#coordinator.resolve(duty.reservationId, duty.participant)
    shard.settleDoubt(duty.reservationId)
  }
}

function ignoreEngineError(error: unknown): void {
  if (!(error instanceof EngineError)) throw error
}
