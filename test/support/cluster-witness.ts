/**
 * A witness of what several nodes journal: follows every shard's journal in Redis from outside of them, into files of its
 * own, and holds these against the ledger. What Redis has lost it remembers.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ShardId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { JournalLost, Mirror } from '../../src/persistence/journal/redis/mirror.ts'
import { RedisNodes } from '../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { judgeJournal, type Verdict } from './journal-oracle.ts'
import { readJournalAt } from './journal-reader.ts'
import type { RequestLedger } from './request-ledger.ts'
import { pause } from './server-process.ts'

const READ_WITHIN_MS = 20_000
const TRY_EVERY_MS = 50

export class ClusterWitness {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-witness-'))
  readonly #journal: string
  readonly #snapshots: string
  readonly #shards: number
  readonly #mirror: Mirror
  #verdict: Verdict | undefined

  constructor({ url, shards }: { readonly url: string; readonly shards: number }) {
    const parsed = parseRedisUrl(url)
    if (parsed.type === 'invalid') throw new Error(parsed.expected)
    this.#journal = join(this.#directory, 'journal')
    this.#snapshots = join(this.#directory, 'snapshots')
    mkdirSync(this.#journal)
    mkdirSync(this.#snapshots)
    this.#shards = shards
    const seams = { clock: realClock, timers: realTimers }
    this.#mirror = new Mirror({
      ...seams,
      primaries: new RedisNodes(parsed.access, seams),
      disk: realDisk,
      directory: this.#journal,
      shards,
      log: () => {},
      onRoll: () => {},
    })
    this.#mirror.start()
  }

  /** Of what is in Redis now, with nobody asking meanwhile; throws where it breaks what was promised. */
  async judge(ledger: RequestLedger): Promise<Verdict> {
    await this.#readAll()
    const shards = this.#shards
    const place = { disk: realDisk, journal: this.#journal, snapshots: this.#snapshots }
    const view = readJournalAt(place, shards)
    this.#verdict = judgeJournal(view, { ledger, earlier: this.#verdict?.journal })
    return this.#verdict
  }

  async close(): Promise<void> {
    await this.#mirror.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #readAll(): Promise<void> {
    const shards = Array.from({ length: this.#shards }, (_, shard) => shard as ShardId)
    await Promise.all(shards.map((shard) => this.#read(shard)))
  }

  /** Redis may be choosing another primary. */
  async #read(shard: ShardId): Promise<void> {
    const givenUpMs = performance.now() + READ_WITHIN_MS
    for (;;) {
      try {
        await this.#mirror.endOf(shard)
        return
      } catch (error) {
        if (error instanceof JournalLost || performance.now() > givenUpMs) throw error
        await pause(TRY_EVERY_MS)
      }
    }
  }
}
