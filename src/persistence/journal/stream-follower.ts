/**
 * One stream's events as they become certain, read while it is being written.
 *
 * An event is certain when its frame is durable: a later frame or the mark says so, or a newer stream has opened its
 * shard behind it. A frame that is only written may yet be cut off by a crash, and is held back.
 */
import type { Disk, DiskFile } from './disk.ts'
import { type Frame, frameHeaderBytes, type Section, type StreamId } from './frame.ts'
import { parseKnown } from './frames-in.ts'
import { markPath, readMark } from './mark.ts'
import { type SegmentName, segmentPath } from './segments.ts'

/** A journal's directory, and the disk it is on. */
export type JournalPlace = { readonly disk: Disk; readonly journal: string }

export type CertainSection = { readonly stream: StreamId; readonly section: Section }

/** Whether, and from which sequence on, a newer stream has this shard. */
export type FenceOf = (shard: number, epoch: number) => { readonly nextSequence: number } | undefined

export type Stuck = {
  readonly path: string
  readonly offset: number
  readonly why: string
  readonly polls: number
}

export class StreamFollower {
  readonly id: StreamId
  readonly #files: JournalPlace
  #opening: Frame | undefined
  #file: DiskFile | undefined
  #index: number
  #offset = 0
  #lastOrdinal = 0
  #durableOrdinal = 0
  /** Sections of frames that are not durable yet. */
  #waiting: { readonly ordinal: number; readonly section: Section }[] = []
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

  /** Reads on, as far as there is something. */
  read(): void {
    const mark = this.#readMark()
    for (;;) {
      // Where the next segment has begun, this one is complete: so it is looked at first.
      const nextHasBegun = this.#frameAt(this.#index + 1, 0) !== undefined
      this.#readFrames()
      if (!nextHasBegun) break
      this.close()
      this.#index += 1
      this.#offset = 0
    }
    this.#durableOrdinal = Math.max(this.#durableOrdinal, Math.min(mark, this.#lastOrdinal))
  }

  /** Takes a frame that its stream's own file has lost, from a copy that a later start made. */
  takeCopy(frame: Frame): void {
    this.#accept(frame)
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  /** What has become certain since the last call, oldest first. */
  takeCertain(fenceOf: FenceOf): CertainSection[] {
    const certain: CertainSection[] = []
    this.#waiting = this.#waiting.filter(({ ordinal, section }) => {
      const fence = fenceOf(section.shard, this.id.epoch)
      if (fence !== undefined && section.firstSequence >= fence.nextSequence) return false
      if (fence === undefined && ordinal > this.#durableOrdinal) return true
      certain.push({ stream: this.id, section })
      return false
    })
    return certain
  }

  #readFrames(): void {
    for (;;) {
      const frame = this.#frameAt(this.#index, this.#offset)
      if (frame === undefined) return
      this.#accept(frame)
      this.#offset += frame.bytes.length
    }
  }

  #accept(frame: Frame): void {
    if (frame.ordinal === 1) this.#opening = frame
    this.#lastOrdinal = frame.ordinal
    this.#durableOrdinal = Math.max(this.#durableOrdinal, frame.durableOrdinal)
    if (frame.kind !== 'batch') return
    for (const section of frame.sections) this.#waiting.push({ ordinal: frame.ordinal, section })
  }

  #frameAt(index: number, offset: number): Frame | undefined {
    const isCurrent = index === this.#index
    const file = isCurrent ? this.#current() : this.#open(index)
    if (file === undefined) return undefined
    try {
      const head = file.read(offset, frameHeaderBytes)
      if (head.length < frameHeaderBytes || head.readUInt32LE(0) === 0) return undefined
      const parsed = parseKnown(file.read(offset, head.readUInt32LE(4)), 0)
      if (parsed.type === 'frame') {
        if (isCurrent) this.#stuck = undefined
        return parsed.frame
      }
      if (isCurrent) this.#noteStuck(offset, parsed.type === 'blank' ? 'no frame begins here' : parsed.why)
      return undefined
    } finally {
      if (!isCurrent) file.close()
    }
  }

  #noteStuck(offset: number, why: string): void {
    if (this.#stuck?.offset === offset) this.#stuck.polls += 1
    else this.#stuck = { offset, why, polls: 1 }
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
