/**
 * Snapshots: a shard's state after one of its events, so that recovery need not begin at the first.
 *
 * `s003-0000000000001042.snapshot`: magic, CRC-32C of all that follows, format, shard, shards of the data, sequence of
 * the newest event, its time, the shard's link, and the state. Written aside, synced, then renamed: a name that ends in
 * `.snapshot` is a whole one. The two newest of a shard are kept, so that damage to one costs only time.
 */
import { join } from 'node:path'
import { crashesHere, crashPoint, die } from '../../crash-points.ts'
import type { ShardId } from '../../domain/ids.ts'
import type { ShardState } from '../../domain/stock.ts'
import { ByteReader, BytesDamaged, ByteWriter } from './bytes.ts'
import { crc32c } from './crc32c.ts'
import type { Disk } from './disk.ts'
import type { Link } from './frame.ts'
import { readWhole } from './segments.ts'
import { decodeState, encodeState } from './state-codec.ts'

const MAGIC = 0x31_4e_53_48 // "HSN1"
const FORMAT_VERSION = 2
const NAME = /^s(\d{4})-(\d{16})\.snapshot$/
const ASIDE = '.writing'
const keptPerShard = 2

export type Snapshot = {
  readonly shard: ShardId
  readonly shards: number
  /** Of the newest event in it; 0 is none. */
  readonly sequence: number
  readonly timeMs: number
  readonly link: Link
  readonly state: ShardState
}

export type SnapshotName = {
  readonly name: string
  readonly path: string
  readonly shard: ShardId
  readonly sequence: number
}

/** All snapshots, by shard, the newest first. */
export function listSnapshots(disk: Disk, directory: string): readonly SnapshotName[] {
  const found: SnapshotName[] = []
  for (const name of disk.list(directory)) {
    const match = NAME.exec(name)
    if (match === null) continue
    found.push({
      name,
      path: join(directory, name),
      shard: Number(match[1]) as ShardId,
      sequence: Number(match[2]),
    })
  }
  return found.sort((a, b) => a.shard - b.shard || b.sequence - a.sequence)
}

/** Writes a snapshot so that it survives power loss, then removes the shard's third newest. Blocks its thread. */
export function writeSnapshot(disk: Disk, directory: string, snapshot: Snapshot): void {
  const shard = String(snapshot.shard).padStart(4, '0')
  const path = join(directory, `s${shard}-${String(snapshot.sequence).padStart(16, '0')}.snapshot`)
  if (disk.exists(path)) return
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const bytes = encodeSnapshot(snapshot)
  const file = disk.create(path + ASIDE)
  try {
    if (crashesHere('snapshot.midWrite')) {
      file.write(bytes.subarray(0, bytes.length >> 1), 0)
      die()
    }
    file.write(bytes, 0)
    file.syncNow()
  } catch (error) {
    disk.remove(path + ASIDE)
    throw error
  } finally {
    file.close()
  }
  crashPoint('snapshot.beforeRename')
  disk.rename(path + ASIDE, path)
  crashPoint('snapshot.beforeDirectorySync')
  disk.syncDirectory(directory)
  const ofShard = listSnapshots(disk, directory).filter((found) => found.shard === snapshot.shard)
  for (const old of ofShard.slice(keptPerShard)) disk.remove(old.path)
}

/** Removes what snapshots that came to no end left behind. Only while nobody writes one. */
export function removeUnfinished(disk: Disk, directory: string): void {
  for (const name of disk.list(directory)) if (name.endsWith(ASIDE)) disk.remove(join(directory, name))
}

export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const state = encodeState(snapshot.state)
  const writer = new ByteWriter(64 + state.length)
  writer.u32(MAGIC)
  writer.u32(0)
  writer.u8(FORMAT_VERSION)
  writer.varint(snapshot.shard)
  writer.varint(snapshot.shards)
  writer.varint(snapshot.sequence)
  writer.f64(snapshot.timeMs)
  writer.raw(Buffer.from(snapshot.link, 'hex'))
  writer.raw(state)
  writer.bytes.writeUInt32LE(crc32c(writer.bytes, 8, writer.length), 4)
  return writer.bytes.subarray(0, writer.length)
}

/** Reads one; throws `BytesDamaged` where any byte is not as it was written. */
export function readSnapshot(disk: Disk, path: string): Snapshot {
  const bytes = readWhole(disk, path)
  const reader = new ByteReader(bytes)
  if (reader.u32() !== MAGIC) throw new BytesDamaged('no snapshot')
  if (reader.u32() !== crc32c(bytes, 8, bytes.length)) throw new BytesDamaged('the checksum does not match')
  const version = reader.u8()
  if (version !== FORMAT_VERSION) {
    throw new BytesDamaged(`a snapshot of format ${version}; this version reads format ${FORMAT_VERSION}`)
  }
  const shard = reader.varint() as ShardId
  const shards = reader.varint()
  const sequence = reader.varint()
  const timeMs = reader.f64()
  const link = reader.raw(16).toString('hex')
  const state = decodeState(reader)
  if (!reader.isAtEnd) throw new BytesDamaged('bytes behind the state')
  return { shard, shards, sequence, timeMs, link, state }
}
