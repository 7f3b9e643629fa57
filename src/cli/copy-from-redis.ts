/** Where the journal is in Redis, commands look at this directory's mirror of it, which is brought up to date first. */
import type { Redis } from 'ioredis'
import { metaKey } from '../cluster/key-names.ts'
import type { ShardId } from '../domain/ids.ts'
import { DirectoryError, isLocked, mirrorPaths, openDataDirectory } from '../persistence/directory.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { Mirror } from '../persistence/journal/redis/mirror.ts'
import { claimAmongOthers } from '../persistence/moved.ts'
import { RedisUnavailable } from '../persistence/redis/redis-error.ts'
import { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../redis-url.ts'
import { realClock, realTimers } from '../seams.ts'
import { Unusable } from './exit-codes.ts'
import { countOf, type Terminal } from './terminal.ts'

/**
 * Copies what the mirror lacks, and makes one where there is none. Where a node has the directory it does so by itself.
 * Throws `Unusable`, and `JournalLost` where Redis lacks what was acknowledged.
 */
export async function copyFromRedis(
  directory: string,
  access: RedisAccess,
  terminal: Terminal,
): Promise<void> {
  const nodes = new RedisNodes(access, { clock: realClock, timers: realTimers })
  let connection: Redis | undefined
  try {
    // Held to the end: timers alone keep no process alive.
    connection = await nodes.connect(metaKey)
    const { shards, dataId } = await dataIn(connection)
    if (isLocked(directory)) return
    const opened = openDataDirectory(directory, { shards })
    try {
      claimAmongOthers(opened.paths, dataId)
      const paths = mirrorPaths(opened.paths)
      realDisk.makeDirectory(paths.journal)
      realDisk.makeDirectory(paths.snapshots)
      const frames = await copyAll(nodes, paths.journal, shards)
      if (frames > 0) terminal.remark(`Copied ${countOf(frames, 'frame')} from Redis into ${paths.mirror}.`)
    } finally {
      opened.close()
    }
  } catch (error) {
    if (error instanceof DirectoryError) throw new Unusable(error.message, { cause: error })
    if (error instanceof RedisUnavailable)
      throw new Unusable(`Redis cannot be read: ${error.message}`, { cause: error })
    throw error
  } finally {
    connection?.disconnect()
  }
}

async function dataIn(redis: Redis): Promise<{ readonly shards: number; readonly dataId: string }> {
  const [shards, dataId] = await redis.hmget(metaKey, 'shards', 'data')
  if (shards == null || dataId == null)
    throw new Unusable('The Redis of REDIS_URL holds no journal: no node has started on it.')
  return { shards: Number(shards), dataId }
}

/** Resolves with how many frames were copied; `onFrame` hears of each. Rejects with `JournalLost` as above. */
export async function copyAll(
  nodes: RedisNodes,
  directory: string,
  shards: number,
  onFrame: () => void = () => {},
): Promise<number> {
  let frames = 0
  const mirror = new Mirror({
    primaries: nodes,
    disk: realDisk,
    directory,
    shards,
    clock: realClock,
    timers: realTimers,
    log: () => {},
    onRoll: () => {},
    onFrame: () => {
      frames += 1
      onFrame()
    },
  })
  mirror.start()
  try {
    await Promise.all(Array.from({ length: shards }, (_, shard) => mirror.endOf(shard as ShardId)))
  } finally {
    await mirror.close()
  }
  return frames
}
