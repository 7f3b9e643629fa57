/** The frames of a mirror brought into an empty Redis, and compared with what is there, shard by shard. */
import type { Redis } from 'ioredis'
import { crashPoint } from '../../crash-points.ts'
import type { ShardId } from '../../domain/ids.ts'
import type { Disk } from '../../persistence/journal/disk.ts'
import type { Frame } from '../../persistence/journal/frame.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import {
  beforeAll,
  entryIdOf,
  type FramePlace,
  type Head,
  isBefore,
  journalKeysOf,
  placeOf,
  placeOfEntry,
} from '../../persistence/journal/redis/place.ts'
import type { AckPolicy } from '../../persistence/journal/redis/redis-log.ts'
import { carriedIndex, listSegments, readWhole } from '../../persistence/journal/segments.ts'
import type { RedisNodes } from '../../persistence/redis/redis-nodes.ts'
import { Unusable } from '../exit-codes.ts'
import { untilAcknowledged } from './acknowledged.ts'
import type { Step } from './steps.ts'

export type ShardCopy = {
  readonly nodes: RedisNodes
  readonly disk: Disk
  /** The mirror's. */
  readonly directory: string
  readonly shard: ShardId
  readonly step: Step
}

/** Bytes that are under way at a time. */
const SENT_BYTES_MAX = 1_024 * 1_024
const SENT_FRAMES_MAX = 512
const READ_FRAMES = 64

/** Appends what is not there yet, then says where it ends. Throws `Unusable` where the policy's replicas do not follow. */
export async function copyFrames(
  copy: ShardCopy,
  { ack, writer }: { readonly ack: AckPolicy; readonly writer: string },
): Promise<void> {
  const { nodes, shard, step } = copy
  const { journal, head } = journalKeysOf(shard)
  const redis = await nodes.connect(journal)
  try {
    const reached = await reachedIn(redis, journal)
    let sent: Frame[] = []
    let last: Frame | undefined
    const send = async () => {
      if (sent.length === 0) return
      const pipeline = redis.pipeline()
      for (const frame of sent) pipeline.call('XADD', journal, entryIdOf(placeOf(frame)), 'f', frame.bytes)
      await answersOf(pipeline.exec())
      step.advance(sent.length)
      sent = []
      crashPoint('move.midCopy')
    }
    let bytes = 0
    for (const frame of framesOfShard(copy)) {
      last = frame
      if (!isBefore(reached, placeOf(frame))) {
        step.advance(1)
        continue
      }
      sent.push(frame)
      bytes += frame.bytes.length
      if (bytes < SENT_BYTES_MAX && sent.length < SENT_FRAMES_MAX) continue
      await send()
      bytes = 0
    }
    await send()
    if (last === undefined) return
    crashPoint('move.beforeHead')
    await redis.hset(head, { id: entryIdOf(placeOf(last)), link: last.link, writer })
    await untilAcknowledged(redis, ack)
  } finally {
    redis.disconnect()
  }
}

/** Throws unless the shard's journal in Redis is, frame for frame and byte for byte, what the mirror has. */
export async function compareFrames(copy: ShardCopy): Promise<void> {
  const { nodes, shard, step } = copy
  const { journal, head: headKey } = journalKeysOf(shard)
  const redis = await nodes.connect(journal)
  try {
    let last: Frame | undefined
    let page: [Buffer, [Buffer, Buffer]][] = []
    for (const frame of framesOfShard(copy)) {
      const id = entryIdOf(placeOf(frame))
      if (page.length === 0) {
        const from = last === undefined ? '-' : `(${entryIdOf(placeOf(last))}`
        page = (await redis.callBuffer('XRANGE', journal, from, '+', 'COUNT', READ_FRAMES)) as typeof page
      }
      const [found, fields] = page.shift() ?? []
      if (found?.toString() !== id || fields?.[1].equals(frame.bytes) !== true)
        throw new Unusable(
          `Frame ${id} of shard ${shard} is not in Redis as it is in ${copy.directory}: ${found?.toString() ?? 'nothing'} is in its place. Somebody else has written there.`,
        )
      last = frame
      step.advance(1)
    }
    const more = await redis.xlen(journal)
    const [id, link] = await redis.hmget(headKey, 'id', 'link')
    const head: Head | undefined =
      typeof id === 'string' && typeof link === 'string' ? { place: placeOfEntry(id), link } : undefined
    const isAtEnd = last === undefined ? head === undefined && more === 0 : head?.link === last.link
    if (page.length > 0 || !isAtEnd)
      throw new Unusable(
        `The journal of shard ${shard} in Redis goes on behind what is in ${copy.directory}.`,
      )
  } finally {
    redis.disconnect()
  }
}

/** How many frames of a shard a mirror has. */
export function* framesOfShard({
  disk,
  directory,
  shard,
}: Pick<ShardCopy, 'disk' | 'directory' | 'shard'>): Generator<Frame> {
  for (const { path, stream, index } of listSegments(disk, directory)) {
    if (stream.worker !== shard || index === carriedIndex) continue
    for (const { frame } of framesIn(readWhole(disk, path), 0)) yield frame
  }
}

async function reachedIn(redis: Redis, journal: string): Promise<FramePlace> {
  const [newest] = (await redis.xrevrange(journal, '+', '-', 'COUNT', 1)) as [string, string[]][]
  return newest === undefined ? beforeAll : placeOfEntry(newest[0])
}

async function answersOf(execution: Promise<[error: Error | null, value: unknown][] | null>): Promise<void> {
  for (const [error] of (await execution) ?? [])
    if (error !== null) throw new Unusable(`Redis refuses: ${error.message}.`)
}
