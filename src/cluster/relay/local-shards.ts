/**
 * What this node serves, as its relay knows it: each shard's present life, its state, and its board. Gives other nodes their
 * ways to the workers.
 */
import { MessageChannel } from 'node:worker_threads'
import type { CallsMessage, FeedMessage, RepliesMessage } from '../../actors/protocol.ts'
import type { ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import { ShardBoardReader } from '../../actors/stock-board.ts'
import type { Port, PromptPort } from '../../seams.ts'
import { portOf } from '../../seams.ts'
import type { FromRelay } from './relay-protocol.ts'

type Served = {
  served: ServedShard
  /** What its board shows anew is heard here; absent until somebody wants to know. */
  feed: PromptPort<FeedMessage, never> | undefined
  reader: ShardBoardReader | undefined
}

export type LocalShardsParts = {
  readonly main: Pick<Port<never, FromRelay>, 'send'>
  /** These products of a shard are shown anew, or its board can be read for the first time. */
  readonly onShown: (shard: number, numbers: readonly number[]) => void
}

export class LocalShards {
  readonly #parts: LocalShardsParts
  readonly #shards = new Map<number, Served>()

  constructor(parts: LocalShardsParts) {
    this.#parts = parts
  }

  get served(): readonly ServedShard[] {
    return [...this.#shards.values()].map(({ served }) => served)
  }

  note(served: ServedShard): void {
    const known = this.#shards.get(served.shard)
    if (known?.served.life === served.life) known.served = served
    else this.#shards.set(served.shard, { served, feed: undefined, reader: undefined })
  }

  end({ shard, life }: ShardLife): void {
    const known = this.#shards.get(shard)
    if (known?.served.life !== life) return
    known.feed?.close()
    this.#shards.delete(shard)
  }

  /** The present life of a shard, where it is served here. */
  lifeOf(shard: number): number | undefined {
    return this.#shards.get(shard)?.served.life
  }

  /** A way to this life of the shard; absent where it is not the present one. */
  connect(shard: ShardLife): PromptPort<RepliesMessage, CallsMessage> | undefined {
    if (this.#shards.get(shard.shard)?.served.life !== shard.life) return undefined
    return this.#ask(shard, 'connect')
  }

  /** Asks to be told of the shard's board from now on. */
  watch({ shard, life }: ShardLife): void {
    const known = this.#shards.get(shard)
    if (known?.served.life !== life || known.feed !== undefined) return
    const feed: PromptPort<FeedMessage, never> = this.#ask({ shard, life }, 'feed')
    known.feed = feed
    feed.receive(({ board, shown }) => {
      const memory = board?.find((one) => one.shard === shard)
      if (memory !== undefined) known.reader = new ShardBoardReader(memory)
      if (memory !== undefined || shown !== undefined) this.#parts.onShown(shard, shown?.numbers ?? [])
    })
  }

  /** Its board, with all that was shown before any reply that has come from its worker. */
  boardOf(shard: number): ShardBoardReader | undefined {
    const known = this.#shards.get(shard)
    known?.feed?.receiveNow()
    return known?.reader
  }

  #ask<In, Out>({ shard, life }: ShardLife, as: 'connect' | 'feed'): PromptPort<In, Out> {
    const { port1, port2 } = new MessageChannel()
    this.#parts.main.send({ type: 'connect', as, shard, life, port: port2 }, [port2])
    return portOf<In, Out>(port1)
  }
}
