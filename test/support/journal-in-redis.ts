/** One shard's journal in a Redis, with a mirror of its own: a writer that takes it over as a worker does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ShardId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { JournalLost, Mirror, type ShardEnd } from '../../src/persistence/journal/redis/mirror.ts'
import { type AckPolicy, RedisLog } from '../../src/persistence/journal/redis/redis-log.ts'
import { JournalWriter } from '../../src/persistence/journal/writer.ts'
import { RedisNodes } from '../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { type Journal, mortalTimers, type Opened, shardsOfData } from '../contract/journals.ts'

export type JournalInRedisOptions = {
  readonly url: string
  readonly segmentBytes?: number
  readonly ack?: AckPolicy
  readonly shard?: ShardId
  readonly mayAcknowledge?: () => boolean
}

const ASKED_MAX = 100
const ASK_AGAIN_MS = 50

let writers = 0

export class JournalInRedis implements Journal {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'holdfast-mirror-'))
  readonly troubles: unknown[] = []
  readonly storage: unknown[] = []
  readonly logged: string[] = []
  readonly rolls: number[] = []
  readonly shard: ShardId
  readonly #options: JournalInRedisOptions
  readonly #nodes: RedisNodes
  #mirror: Mirror

  constructor(options: JournalInRedisOptions) {
    this.#options = options
    this.shard = options.shard ?? (0 as ShardId)
    const parsed = parseRedisUrl(options.url)
    if (parsed.type === 'invalid') throw new Error(parsed.expected)
    this.#nodes = new RedisNodes(parsed.access, { clock: realClock, timers: realTimers })
    this.#mirror = this.#newMirror()
  }

  /** The mirror's process ends without a word, and another goes on with its files. */
  async restartMirror(): Promise<void> {
    await this.#mirror.close()
    this.#mirror = this.#newMirror()
  }

  /** As a node asks: again, for as long as Redis cannot be read. */
  async end(): Promise<ShardEnd> {
    for (let asked = 1; ; asked++) {
      try {
        return await this.#mirror.endOf(this.shard)
      } catch (error) {
        if (error instanceof JournalLost || asked === ASKED_MAX) throw error
        await pause(ASK_AGAIN_MS)
      }
    }
  }

  async open({ end, epoch }: { readonly end?: ShardEnd; readonly epoch?: number } = {}): Promise<Opened> {
    const from = end ?? (await this.end())
    const began = this.#recover(from)
    const durable: number[] = []
    const failures: unknown[] = []
    const { timers, kill } = mortalTimers()
    const { segmentBytes = 1 << 20, ack = { type: 'aof' }, mayAcknowledge = () => true } = this.#options
    const stream = { epoch: epoch ?? from.head.place.epoch + 1, worker: this.shard }
    writers += 1
    const log = new RedisLog({
      primaries: this.#nodes,
      timers,
      shard: this.shard,
      stream,
      writer: `writer-${writers}`,
      head: from.head,
      ack,
      segmentBytes,
      mayAcknowledge,
      onStorage: (error) => void this.storage.push(error),
      onTrouble: (error) => void this.troubles.push(error),
    })
    const writer = await JournalWriter.open(
      log,
      {
        timers,
        stream,
        shards: shardsOfData,
        nowMs: Date.now,
        onDurable: (ordinal) => void durable.push(ordinal),
        onFailure: (error) => void failures.push(error),
        onRoll: () => {},
      },
      [{ shard: this.shard, ...from.position }],
    )
    return {
      writer,
      began,
      durable,
      failures,
      kill() {
        kill()
        void log.close()
      },
    }
  }

  async recovered(): Promise<RecoveredShard> {
    return this.#recover(await this.end())
  }

  async close(): Promise<void> {
    await this.#mirror.close()
    rmSync(this.directory, { recursive: true })
  }

  #recover({ position }: ShardEnd): RecoveredShard {
    const { shards } = recover({
      disk: realDisk,
      journalDirectory: this.directory,
      snapshotDirectory: this.directory,
      shards: [this.shard],
      shardsOfData,
      until: new Map([[this.shard, position.nextSequence]]),
    })
    const found = shards.get(this.shard)
    if (found === undefined) throw new Error('the shard was recovered')
    if (found.nextSequence !== position.nextSequence || found.link !== position.link) {
      throw new Error(`recovered to ${found.nextSequence}, and the journal ends at ${position.nextSequence}`)
    }
    return found
  }

  #newMirror(): Mirror {
    const mirror = new Mirror({
      primaries: this.#nodes,
      disk: realDisk,
      directory: this.directory,
      shards: shardsOfData,
      clock: realClock,
      timers: realTimers,
      log: (_level, event, detail) => void this.logged.push(`${event} ${JSON.stringify(detail)}`),
      onRoll: (_stream, segment) => void this.rolls.push(segment),
    })
    mirror.start()
    return mirror
  }
}
