/**
 * Sees to what shards owe each other (split-duties.ts): hands each duty to the coordinator once what it rests on is durable.
 *
 * S2 holds for words between shards too: a settlement that another shard journals must not rest on one that may be lost.
 */

import type { Timers } from '../seams.ts'
import type { Engine } from './engine.ts'
import { EngineError } from './engine-error.ts'
import type { Shard } from './shard.ts'
import { SplitCoordinator } from './split-coordinator.ts'
import type { Duty } from './split-duties.ts'

type Gathered = { readonly ordinal: number; readonly shard: Shard; readonly duties: readonly Duty[] }

export class DutyDesk {
  readonly #coordinator: SplitCoordinator
  /** Oldest first. */
  readonly #gathered: Gathered[] = []

  constructor(
    engine: Pick<Engine, 'execute'>,
    options: { readonly timers: Timers; readonly shards: number },
  ) {
    this.#coordinator = new SplitCoordinator(engine, options)
  }

  /** Holds a shard's duties until the frame of this ordinal is durable. */
  gather(ordinal: number, shard: Shard, duties: readonly Duty[]): void {
    if (duties.length > 0) this.#gathered.push({ ordinal, shard, duties })
  }

  /** Sees to all that rests on nothing behind this ordinal. What fails is due again later. */
  release(durableOrdinal: number): void {
    while (this.#gathered.length > 0 && (this.#gathered[0] as Gathered).ordinal <= durableOrdinal) {
      const { shard, duties } = this.#gathered.shift() as Gathered
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
