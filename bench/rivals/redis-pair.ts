/** A primary and its one replica, both of which sync their AOF before they answer; and what a journal in them must add up to. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import type { ShardId } from '../../src/domain/ids.ts'
import { journalKeysOf } from '../../src/persistence/journal/redis/place.ts'
import type { JournalCounts } from '../support/local-engine.ts'
import type { Presence } from '../support/programs.ts'
import { RedisServer } from './redis-server.ts'

export type PairCounts = {
  readonly scripts: number
  readonly waits: number
  /** Of both. */
  readonly aofBytes: number
}

const CAUGHT_UP_WITHIN_MS = 10_000
const LOOK_EVERY_MS = 10

export class RedisPair {
  readonly primary: RedisServer
  readonly replica: RedisServer

  private constructor(primary: RedisServer, replica: RedisServer) {
    this.primary = primary
    this.replica = replica
  }

  /** In an existing, empty directory. */
  static async start(directory: string): Promise<Presence<RedisPair>> {
    const [ofPrimary, ofReplica] = ['primary', 'replica'].map((name) => join(directory, name)) as [
      string,
      string,
    ]
    for (const path of [ofPrimary, ofReplica]) mkdirSync(path)
    const primary = await RedisServer.start(ofPrimary)
    if (primary.type === 'absent') return primary
    const replica = await RedisServer.start(ofReplica, { replicaOf: primary.server })
    if (replica.type === 'absent') return replica
    return { type: 'present', server: new RedisPair(primary.server, replica.server) }
  }

  /** Both forget all they have; when this resolves neither has anything to catch up with. */
  async empty(): Promise<void> {
    await this.primary.empty()
    await this.#untilCaughtUp()
  }

  async counts(): Promise<PairCounts> {
    const [primary, replica] = await Promise.all([this.primary.counts(), this.replica.counts()])
    const { scripts, waits, aofBytes, replicas } = primary
    if (replicas !== 1) throw new Error(`the primary has ${replicas} replicas`)
    return { scripts, waits, aofBytes: aofBytes + replica.aofBytes }
  }

  /**
   * Throws unless a journal of so many shards, begun at `since` when both were empty, is in both by what they say: as many
   * entries as frames, an append and a WAIT for each sync and none twice, and all of its bytes in both AOFs.
   */
  async checkAppends(
    shards: number,
    { since, frames, syncs, bytes, seals }: JournalCounts & { readonly since: PairCounts },
  ): Promise<void> {
    await this.#untilCaughtUp()
    const now = await this.counts()
    const [client] = (await this.primary.connect(1)) as [Redis]
    let entries = 0
    for (let shard = 0; shard < shards; shard++) {
      const { journal, head } = journalKeysOf(shard as ShardId)
      entries += await client.xlen(journal)
      const again = await client.hget(head, 'again')
      if (again !== null) throw new Error(`shard ${shard}: ${again} appends were sent twice`)
    }
    client.disconnect()
    // Each worker seals once more at its end, when its counts are told already.
    const sealsAtEnd = entries - frames
    const waits = now.waits - since.waits
    const aofBytes = now.aofBytes - since.aofBytes
    if (sealsAtEnd < 0 || sealsAtEnd > 2 * shards)
      throw new Error(`${frames} frames, ${seals} of them seals, and ${entries} entries`)
    if (waits < syncs || now.scripts - since.scripts < syncs)
      throw new Error(`${syncs} syncs and ${waits} waits`)
    if (aofBytes < 2 * bytes) throw new Error(`${bytes} bytes of journal, and ${aofBytes} of both AOFs`)
  }

  /** Time both have spent on cores, in ms. */
  cpuMs(): number {
    return this.primary.cpuMs() + this.replica.cpuMs()
  }

  async stop(): Promise<void> {
    await this.replica.stop()
    await this.primary.stop()
  }

  async #untilCaughtUp(): Promise<void> {
    const givenUpMs = performance.now() + CAUGHT_UP_WITHIN_MS
    for (;;) {
      const [primary, replica] = await Promise.all([this.primary.counts(), this.replica.counts()])
      if (replica.offset >= primary.offset) return
      if (performance.now() > givenUpMs)
        throw new Error(`the replica is at ${replica.offset} of ${primary.offset}`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }
}
