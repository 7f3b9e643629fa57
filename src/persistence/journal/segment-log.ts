/**
 * A stream as segment files: the open one, the next one made ahead of its use, and the mark.
 *
 * J3  Each segment was made ahead of its use (next-segment.ts).
 * J4  With no next segment, the last part of the open one is kept for what gives units back or sells them.
 */
import { crashesHere, die } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import { settlementRoomShare } from '../../limits.ts'
import type { Timers } from '../../seams.ts'
import type { Disk, DiskFile } from './disk.ts'
import { frameOverheadBytes, type StreamId } from './frame.ts'
import type { FrameLog, Room, WrittenFrame } from './frame-log.ts'
import { MarkWriter, markPath } from './mark.ts'
import { NextSegment } from './next-segment.ts'
import { prepareSegment, segmentPath } from './segments.ts'

export type SegmentLogOptions = {
  readonly disk: Disk
  readonly timers: Timers
  readonly directory: string
  readonly stream: StreamId
  readonly segmentBytes: number
  /** Called when the next segment cannot be made, and again, without an error, when it could. */
  readonly onStorage: (error: unknown | undefined) => void
}

export class SegmentLog implements FrameLog {
  readonly segmentBytes: number
  readonly #options: SegmentLogOptions
  readonly #mark: MarkWriter
  readonly #next: NextSegment
  #segment: DiskFile
  #segmentIndex = 1
  #offset = 0

  private constructor(options: SegmentLogOptions, segment: DiskFile, mark: MarkWriter) {
    this.segmentBytes = options.segmentBytes
    this.#options = options
    this.#segment = segment
    this.#mark = mark
    this.#next = new NextSegment(options)
  }

  /** Makes the stream's first segment and its mark. Rejects with the disk's error, and leaves nothing behind that counts. */
  static async create(options: SegmentLogOptions): Promise<SegmentLog> {
    const { disk, directory, stream, segmentBytes } = options
    removeAttempt(options)
    const segment = await prepareSegment(disk, segmentPath(directory, stream, 1), segmentBytes)
    let mark: MarkWriter | undefined
    try {
      mark = MarkWriter.create(disk, markPath(directory, stream))
      disk.syncDirectory(directory)
      return new SegmentLog(options, segment, mark)
    } catch (error) {
      await discard(options, segment, mark)
      throw error
    }
  }

  get segmentIndex(): number {
    return this.#segmentIndex
  }

  roomFor(bytes: number, gatheredBytes: number): Room {
    if (this.#next.isReady) return 'all'
    const left = this.segmentBytes - this.#offset - gatheredBytes - frameOverheadBytes
    if (left < bytes) return 'none'
    return left < this.segmentBytes * settlementRoomShare + bytes ? 'settlements' : 'all'
  }

  fits(bytes: number): boolean {
    return this.#offset + bytes <= this.segmentBytes
  }

  write({ bytes }: WrittenFrame): void {
    assert(this.fits(bytes.length), 'a frame lies within its segment')
    if (crashesHere('journal.midWrite')) {
      this.#segment.write(bytes.subarray(0, bytes.length >> 1), this.#offset)
      die()
    }
    this.#segment.write(bytes, this.#offset)
    this.#offset += bytes.length
  }

  sync(): Promise<void> {
    return this.#segment.sync()
  }

  mark(ordinal: number): Promise<void> {
    return this.#mark.write(ordinal)
  }

  begin(): void {
    this.#next.prepare(2)
  }

  roll(): void {
    const full = this.#segment
    // Under constant load there is no idle moment in which to look.
    this.check()
    this.#segment = this.#next.take()
    this.#segmentIndex += 1
    this.#offset = 0
    full.close()
    this.#next.prepare(this.#segmentIndex + 1)
  }

  check(): void {
    if (!this.#segment.isInPlace()) throw new Error('the open segment was moved or removed')
  }

  stop(): void {
    this.#next.stop()
  }

  async finish(): Promise<void> {
    this.#segment.truncate(this.#offset)
    await this.#segment.sync()
  }

  async close(): Promise<void> {
    await this.#mark.close()
    this.#segment.close()
    await this.#next.discard()
  }

  async abandon(): Promise<void> {
    await discard(this.#options, this.#segment, this.#mark)
  }
}

/** Where any of this fails too, the next attempt begins with it. */
async function discard(
  options: SegmentLogOptions,
  segment: DiskFile,
  mark: MarkWriter | undefined,
): Promise<void> {
  await mark?.close().catch(() => {})
  try {
    segment.close()
    removeAttempt(options)
  } catch {}
}

/**
 * Takes away what an attempt to open a stream left: nothing rests on a stream that did not open, and its names are needed
 * by whoever tries again. A mark may have reached the disk all the same, and without its segment it would mean a loss: it
 * goes first, for good.
 */
function removeAttempt({ disk, directory, stream }: SegmentLogOptions): void {
  const [mark, segment] = [markPath(directory, stream), segmentPath(directory, stream, 1)]
  if (!disk.exists(mark) && !disk.exists(segment)) return
  if (disk.exists(mark)) disk.remove(mark)
  disk.syncDirectory(directory)
  if (disk.exists(segment)) disk.remove(segment)
}
