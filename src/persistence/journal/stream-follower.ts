/**
 * One stream's events as they become certain, read while it is being written.
 *
 * An event is certain when its frame is durable: a later frame or the mark says so, or a newer stream has opened its
 * shard behind it. A frame that is only written may yet be cut off by a crash, and is held back.
 */
import type { Disk, DiskFile } from './disk.ts'
import { type Frame, frameHeaderBytes, type Link, type Section, type StreamId } from './frame.ts'
import { parseKnown } from './frames-in.ts'
import { markPath, readMark } from './mark.ts'
import { type SegmentName, segmentPath } from './segments.ts'

/** A journal's directory, and the disk it is on. */
export type JournalPlace = { readonly disk: Disk; readonly journal: string }

export type CertainSection = {
  readonly stream: StreamId
  readonly section: Section
  /** Of the frame it stands in. */
  readonly link: Link
}

/** Whether, and from which sequence on, a newer stream has this shard. */
export type FenceOf = (shard: number, epoch: number) => { readonly nextSequence: number } | undefined

export type Stuck = {
  readonly path: string
  readonly offset: number
  readonly why: string
  readonly polls: number
}

/** Frames of one event are small, and each read costs as much as parsing some of them. */
const READ_AHEAD_BYTES = 256 * 1_024
const NOTHING_AHEAD = { from: 0, bytes: Buffer.alloc(0) }

export class StreamFollower {
  readonly id: StreamId
  readonly #files: JournalPlace
  #opening: Frame | undefined
  #file: DiskFile | undefined
  #index: number
  #offset = 0
  #lastOrdinal = 0
  #durableOrdinal = 0
  /** By its mark or its worker; beyond what was read it counts once that is. */
  #toldOrdinal = 0
  /** Sections of frames that are not durable yet. */
  #waiting: (CertainSection & { readonly ordinal: number })[] = []
  /** Bytes of the segment that were read ahead. */
  #ahead: { readonly from: number; readonly bytes: Buffer } = NOTHING_AHEAD
  /** Where bytes that are no frame stand, and in how many polls they stood there. */
  #stuck: { readonly offset: number; readonly why: string; polls: number } | undefined

  /** `opening` is the stream's first, where it is known already and reading begins behind it. */
  constructor(
    files: JournalPlace,
    id: StreamId,
    from: { readonly segment: number; readonly opening?: Frame },
  ) {
    this.#files = files
    this.id = id
    this.#index = from.segment
    this.#opening = from.opening
  }

  get opening(): Frame | undefined {
    return this.#opening
  }

  get lastOrdinal(): number {
    return this.#lastOrdinal
  }

  /** Events that are written and not certain. */
  get heldBack(): number {
    return this.#waiting.reduce((sum, { section }) => sum + section.count, 0)
  }

  /** Whether its opening, and so its claim on its shards, is durable. */
  get hasOpened(): boolean {
    return this.#durableOrdinal > 0
  }

  /** Bytes that have not become a frame for some polls. */
  get stuckAt(): Stuck | undefined {
    if (this.#stuck === undefined) return undefined
    return { path: segmentPath(this.#files.journal, this.id, this.#index), ...this.#stuck }
  }

  /**
   * Reads on, as far as there is something, or until it has read so many bytes of frames; false where there may be more.
   * `each` is called with every frame, certain or not.
   */
  read(bytesMax = Number.POSITIVE_INFINITY, each: (frame: Frame) => void = () => {}): boolean {
    const mark = this.#readMark()
    let left = bytesMax
    for (;;) {
      // Where the next segment has begun, this one is complete: so it is looked at first.
      const nextHasBegun = this.#beginsAt(this.#index + 1)
      left = this.#readFrames(left, each)
      if (!nextHasBegun || left <= 0) break
      this.close()
      this.#index += 1
      this.#offset = 0
    }
    this.noteDurable(mark)
    return left > 0
  }

  /** Its worker said that frames up to here are durable. */
  noteDurable(ordinal: number): void {
    // What it is told of may not have been read yet.
    this.#toldOrdinal = Math.max(this.#toldOrdinal, ordinal)
    this.#durableOrdinal = Math.max(this.#durableOrdinal, Math.min(this.#toldOrdinal, this.#lastOrdinal))
  }

  /** Takes a frame that its stream's own file has lost, from a copy that a later start made. */
  takeCopy(frame: Frame): void {
    this.#accept(frame)
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.#ahead = NOTHING_AHEAD
  }

  /** What has become certain since the last call, oldest first. */
  takeCertain(fenceOf: FenceOf): CertainSection[] {
    const certain: CertainSection[] = []
    this.#waiting = this.#waiting.filter(({ ordinal, section, link }) => {
      const fence = fenceOf(section.shard, this.id.epoch)
      if (fence !== undefined && section.firstSequence >= fence.nextSequence) return false
      if (fence === undefined && ordinal > this.#durableOrdinal) return true
      certain.push({ stream: this.id, section, link })
      return false
    })
    return certain
  }

  #readFrames(bytesMax: number, each: (frame: Frame) => void): number {
    let left = bytesMax
    while (left > 0) {
      const frame = this.#nextFrame()
      if (frame === undefined) break
      this.#accept(frame)
      this.#offset += frame.bytes.length
      left -= frame.bytes.length
      each(frame)
    }
    return left
  }

  #accept(frame: Frame): void {
    const { ordinal, link } = frame
    if (ordinal === 1) this.#opening = frame
    this.#lastOrdinal = ordinal
    this.#durableOrdinal = Math.max(this.#durableOrdinal, frame.durableOrdinal)
    if (frame.kind !== 'batch') return
    for (const section of frame.sections) this.#waiting.push({ stream: this.id, section, link, ordinal })
  }

  #nextFrame(): Frame | undefined {
    const known = this.#frameAhead()
    if (known !== undefined) return known
    const file = this.#current()
    const head = file?.read(this.#offset, frameHeaderBytes)
    if (file === undefined || head === undefined || !isBegun(head)) return undefined
    const length = Math.max(READ_AHEAD_BYTES, head.readUInt32LE(4))
    this.#ahead = { from: this.#offset, bytes: file.read(this.#offset, Math.min(length, file.size())) }
    const frame = this.#frameAhead()
    if (frame !== undefined) return frame
    // What was just being written is whole at the next look.
    const parsed = parseKnown(this.#ahead.bytes, 0)
    this.#noteStuck(
      parsed.type === 'damaged' || parsed.type === 'foreign' ? parsed.why : 'no frame begins here',
    )
    this.#ahead = NOTHING_AHEAD
    return undefined
  }

  /** The next frame, if all of it was read ahead. */
  #frameAhead(): Frame | undefined {
    const { from, bytes } = this.#ahead
    const head = bytes.subarray(this.#offset - from, this.#offset - from + frameHeaderBytes)
    if (!isBegun(head) || this.#offset - from + head.readUInt32LE(4) > bytes.length) return undefined
    const parsed = parseKnown(bytes, this.#offset - from)
    if (parsed.type !== 'frame') return undefined
    this.#stuck = undefined
    return parsed.frame
  }

  /** Whether a segment's first frame is there. */
  #beginsAt(index: number): boolean {
    const file = this.#open(index)
    if (file === undefined) return false
    try {
      const head = file.read(0, frameHeaderBytes)
      return isBegun(head) && parseKnown(file.read(0, head.readUInt32LE(4)), 0).type === 'frame'
    } finally {
      file.close()
    }
  }

  #noteStuck(why: string): void {
    if (this.#stuck?.offset === this.#offset) this.#stuck.polls += 1
    else this.#stuck = { offset: this.#offset, why, polls: 1 }
  }

  #current(): DiskFile | undefined {
    this.#file ??= this.#open(this.#index)
    return this.#file
  }

  #open(index: number): DiskFile | undefined {
    try {
      return this.#files.disk.open(segmentPath(this.#files.journal, this.id, index), 'read')
    } catch (error) {
      // Not made yet, or blank and given back.
      if (isMissing(error)) return undefined
      throw error
    }
  }

  #readMark(): number {
    const mark = readMark(this.#files.disk, markPath(this.#files.journal, this.id))
    return mark.type === 'mark' ? mark.ordinal : 0
  }
}

/** Whether somebody has begun to write a frame here. */
function isBegun(head: Buffer): boolean {
  return head.length >= frameHeaderBytes && head.readUInt32LE(0) !== 0
}

/** A stream's openings, segment by segment from one on, as far as it has them. */
export function openingsOf(files: JournalPlace, segments: readonly SegmentName[], from = 1): Frame[] {
  const openings: Frame[] = []
  for (const { path, index } of segments) {
    if (index < from) continue
    let bytes: Buffer
    try {
      const file = files.disk.open(path, 'read')
      try {
        bytes = file.read(0, OPENING_BYTES_MAX)
      } finally {
        file.close()
      }
    } catch (error) {
      if (isMissing(error)) break
      throw error
    }
    const parsed = parseKnown(bytes, 0)
    if (index !== from + openings.length || parsed.type !== 'frame' || parsed.frame.kind !== 'open') break
    openings.push(parsed.frame)
  }
  return openings
}

/** More than the largest opening has. */
const OPENING_BYTES_MAX = 64 * 1_024

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
