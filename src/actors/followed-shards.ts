/**
 * The shards that other nodes serve, as this one has been told: engines are connected to whichever life of them there is.
 *
 * That a shard has moved is often known here before its last owner's last words have come. So a life that is left stays
 * connected until its node says that it is over, or for `lastWordsMs`.
 */
import { lastWordsMs } from '../limits.ts'
import type { Timer, Timers } from '../seams.ts'
import type { RemoteShards, ServedShard, ShardLife } from './remote-shards.ts'
import type { Switchboard } from './switchboard.ts'

type Followed = {
  readonly nodeId: string
  /** The one that engines are connected to; absent while that node serves none. */
  life: number | undefined
}

export class FollowedShards {
  readonly #switchboard: Switchboard
  readonly #remotes: RemoteShards
  readonly #timers: Timers
  readonly #followed = new Map<number, Followed>()
  /** By shard, lives that have been left, and how long they are listened to. */
  readonly #left = new Map<number, Map<string, Timer>>()

  constructor(switchboard: Switchboard, remotes: RemoteShards, timers: Timers) {
    this.#switchboard = switchboard
    this.#remotes = remotes
    this.#timers = timers
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
    if (followed?.life !== undefined) this.#leave(shard, nameOf(followed.nodeId, followed.life))
  }

  /** What that node says of a worker of its own. */
  noteServed(nodeId: string, { shard, life, state }: ServedShard): void {
    const followed = this.#followed.get(shard)
    if (followed?.nodeId !== nodeId) return
    const name = nameOf(nodeId, life)
    if (followed.life === life) return this.#switchboard.become(shard, name, state)
    if (followed.life !== undefined) this.#switchboard.end(shard, nameOf(nodeId, followed.life))
    followed.life = life
    // It has been left and was found again, still connected.
    if (this.#hasLeft(shard, name)) return this.#switchboard.become(shard, name, state)
    this.#switchboard.begin(shard, {
      name,
      state,
      connect: (end) => this.#remotes.link(nodeId, { shard, life }, end),
    })
  }

  /** It has ended there, or that node cannot be reached. */
  noteEnded(nodeId: string, { shard, life }: ShardLife): void {
    const followed = this.#followed.get(shard)
    if (followed?.nodeId === nodeId && followed.life === life) followed.life = undefined
    const name = nameOf(nodeId, life)
    this.#hasLeft(shard, name)
    this.#switchboard.end(shard, name)
  }

  #leave(shard: number, name: string): void {
    const left = this.#left.get(shard) ?? new Map<string, Timer>()
    this.#left.set(shard, left)
    const end = () => {
      left.delete(name)
      this.#switchboard.end(shard, name)
    }
    left.set(name, this.#timers.after(lastWordsMs, end))
  }

  /** Whether it had been left; it is not any more. */
  #hasLeft(shard: number, name: string): boolean {
    const timer = this.#left.get(shard)?.get(name)
    timer?.cancel()
    return this.#left.get(shard)?.delete(name) === true
  }
}

function nameOf(nodeId: string, life: number): string {
  return `${nodeId} ${life}`
}
