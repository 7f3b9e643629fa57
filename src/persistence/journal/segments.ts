/**
 * The files of a journal directory and their names.
 *
 *   00000007-w000-000001.segment   stream (epoch 7, worker 0), its first segment; the numbers go up without gaps
 *   00000007-w000-000000.segment   frames of older streams that were not proven durable, written anew before epoch 7
 *   00000007-w000.mark             how far the stream was known to be durable, see mark.ts
 *   ….segment.cut-<offset>         a torn tail that recovery cut off, kept for whoever wants to look
 *   archived.jsonl                 which files were moved to an archive, see archived.ts
 *
 * A segment is zero-filled and synced before it is used, so that a sync of its frames has no sizes to change.
 */
import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'
import { type StreamId, streamName } from './frame.ts'

export type SegmentName = {
  readonly name: string
  readonly path: string
  readonly stream: StreamId
  /** 0 holds carried frames; a stream's own begin at 1. */
  readonly index: number
}

export const carriedIndex = 0
const SEGMENT = /^(\d{8})-w(\d{3})-(\d{6})\.segment$/
const MARK = /^(\d{8})-w(\d{3})\.mark$/
const ANY_OF_A_STREAM = /^(\d{8})-w\d{3}[-.]/
const ZEROS = Buffer.alloc(1_024 * 1_024)

export function segmentPath(directory: string, stream: StreamId, index: number): string {
  return join(directory, `${streamName(stream)}-${String(index).padStart(6, '0')}.segment`)
}

/** What a name says, if it is a segment's. */
export function segmentNamed(directory: string, name: string): SegmentName | undefined {
  const match = SEGMENT.exec(name)
  if (match === null) return undefined
  const stream = { epoch: Number(match[1]), worker: Number(match[2]) }
  return { name, path: join(directory, name), stream, index: Number(match[3]) }
}

/** The stream whose mark has this name, if any can. */
export function markNamed(name: string): StreamId | undefined {
  const match = MARK.exec(name)
  return match === null ? undefined : { epoch: Number(match[1]), worker: Number(match[2]) }
}

/** All segments, by epoch, then worker, then index. */
export function listSegments(disk: Disk, directory: string): readonly SegmentName[] {
  return disk.list(directory).flatMap((name) => segmentNamed(directory, name) ?? [])
}

/** The streams that have a mark, by epoch, then worker. */
export function listMarked(disk: Disk, directory: string): readonly StreamId[] {
  return disk.list(directory).flatMap((name) => markNamed(name) ?? [])
}

/** The epoch for a new ownership: above every one that left a file of any kind. */
export function nextEpoch(disk: Disk, directory: string): number {
  const epochs = disk.list(directory).map((name) => Number(ANY_OF_A_STREAM.exec(name)?.[1] ?? 0))
  return Math.max(0, ...epochs) + 1
}

/**
 * Makes a segment of zeros that survives power loss, without blocking the thread. Rejects where there is no room, having
 * removed what it had made; where even that failed, the next try does.
 */
export async function prepareSegment(disk: Disk, path: string, bytes: number): Promise<DiskFile> {
  if (disk.exists(path)) disk.remove(path)
  const file = disk.create(path)
  try {
    for (let at = 0; at < bytes; at += ZEROS.length) {
      await file.writeLater(ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at)), at)
    }
    await file.sync()
    disk.syncDirectory(join(path, '..'))
    return file
  } catch (error) {
    file.close()
    disk.remove(path)
    throw error
  }
}

/** All bytes of a file. */
export function readWhole(disk: Disk, path: string): Buffer {
  const file = disk.open(path, 'read')
  try {
    return file.read(0, file.size())
  } finally {
    file.close()
  }
}
