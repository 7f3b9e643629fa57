/** The shards that other nodes serve, as this one has been told: engines are linked to whichever life of them there is. */
import type { RemoteShards, ServedShard, ShardLife } from './remote-shards.ts'
import type { Switchboard } from './switchboard.ts'

type Followed = {
  readonly nodeId: string
  /** The one that engines are linked to; absent while that node serves none. */
  life: number | undefined
}

export class FollowedShards {
  readonly #switchboard: Switchboard
  readonly #remotes: RemoteShards
  readonly #followed = new Map<number, Followed>()

  constructor(switchboard: Switchboard, remotes: RemoteShards) {
    this.#switchboard = switchboard
    this.#remotes = remotes
  }

  /** From now on this shard is where that node serves it, as soon as it does. */
  follow(shard: number, nodeId: string): void {
    if (this.#followed.get(shard)?.nodeId === nodeId) return
    this.forget(shard)
    this.#followed.set(shard, { nodeId, life: undefined })
    const served = this.#remotes.servedBy(nodeId, shard)
    if (served !== undefined) this.noteServed(nodeId, served)
  }

  /** From now on nobody else is known to serve it. */
  forget(shard: number): void {
    const followed = this.#followed.get(shard)
    this.#followed.delete(shard)
    if (followed?.life !== undefined) this.#switchboard.end(shard)
  }

  /** What that node says of a worker of its own. */
  noteServed(nodeId: string, { shard, life, state }: ServedShard): void {
    const followed = this.#followed.get(shard)
    if (followed?.nodeId !== nodeId) return
    if (followed.life === life) return this.#switchboard.become(shard, state)
    if (followed.life !== undefined) this.#switchboard.end(shard)
    followed.life = life
    this.#switchboard.begin(shard, state, (end) => this.#remotes.link(nodeId, { shard, life }, end))
  }

  /** It has ended there, or that node cannot be reached. */
  noteEnded(nodeId: string, { shard, life }: ShardLife): void {
    const followed = this.#followed.get(shard)
    if (followed?.nodeId !== nodeId || followed.life !== life) return
    followed.life = undefined
    this.#switchboard.end(shard)
  }
}
