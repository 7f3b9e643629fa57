/**
 * The end of one shard's journal as it stands in this node's files, and the frames that come behind it.
 *
 * A mirror's files are what a worker that writes files would have left: a stream an epoch, segments that begin with their
 * openings, every frame byte for byte. So whatever reads a journal reads them. They survive power loss some time after
 * they were written, which is soon enough: Redis has them all, and a mark never says more than what was synced.
 */
import type { ShardId } from '../../../domain/ids.ts'
import type { Disk, DiskFile } from '../disk.ts'
import { type Frame, type Link, linkIn, noLink, type StreamId } from '../frame.ts'
import { framesIn } from '../frames-in.ts'
import { markPath, writeMarkAnew } from '../mark.ts'
import { listSegments, readWhole, type SegmentName, segmentPath } from '../segments.ts'
import { beforeAll, type FramePlace, isBefore, placeOf } from './place.ts'

/** Where a shard's events go on behind a frame. */
export type Position = { readonly nextSequence: number; readonly link: Link }

/** The newest frame of a mirror. */
export type Tail = {
  readonly place: FramePlace
  /** Of the frame. */
  readonly link: Link
  readonly position: Position
  /** The newest frame that a later one says is durable. */
  readonly proven: FramePlace
}

export type Accepted = 'added' | 'known' | 'gap' | 'conflict'

const nothing: Tail = {
  place: beforeAll,
  link: noLink,
  position: { nextSequence: 1, link: noLink },
  proven: beforeAll,
}

export class MirrorFile {
  readonly #disk: Disk
  readonly #directory: string
  readonly #shard: ShardId
  #tail: Tail = nothing
  #file: DiskFile | undefined
  #segmentIndex = 0
  #offset = 0
  #isDirty = false
  #marked = 0

  /** Goes on behind the last whole frame that is there; what a loss of power left behind it is cut off. */
  constructor(disk: Disk, directory: string, shard: ShardId) {
    this.#disk = disk
    this.#directory = directory
    this.#shard = shard
    this.#resume()
  }

  get tail(): Tail {
    return this.#tail
  }

  get stream(): StreamId {
    return { epoch: this.#tail.place.epoch, worker: this.#shard }
  }

  /** Of the segment that is being written. */
  get segmentIndex(): number {
    return this.#segmentIndex
  }

  /**
   * Writes a frame behind the others. `gap`: it does not follow, since frames between are not there any more; `conflict`:
   * its place is taken by another frame, or it follows another one.
   */
  accept(frame: Frame): Accepted {
    const place = placeOf(frame)
    const { tail } = this
    if (!isBefore(tail.place, place)) return frame.link === tail.link ? 'known' : 'conflict'
    if (place.epoch > tail.place.epoch) {
      if (frame.kind !== 'open' || frame.ordinal !== 1) return 'gap'
      this.#turnTo(frame.stream, 1)
    } else {
      if (place.ordinal !== tail.place.ordinal + 1) return 'gap'
      if (frame.previous !== tail.link) return 'conflict'
      if (frame.kind === 'open') this.#turnTo(frame.stream, this.#segmentIndex + 1)
    }
    this.#file?.write(frame.bytes, this.#offset)
    this.#offset += frame.bytes.length
    this.#isDirty = true
    this.#tail = behind(frame, this.#shard, tail)
    return 'added'
  }

  /** Where the shard's events go on behind a frame that is here; undefined where it is not. */
  positionAt(place: FramePlace): Position | undefined {
    if (place.epoch === this.#tail.place.epoch && place.ordinal === this.#tail.place.ordinal)
      return this.#tail.position
    if (place.epoch === 0) return nothing.position
    let tail = nothing
    for (const { path } of this.#segments().filter(({ stream }) => stream.epoch === place.epoch)) {
      for (const { frame } of framesIn(readWhole(this.#disk, path), 0)) {
        if (frame.ordinal > place.ordinal) return undefined
        tail = behind(frame, this.#shard, tail)
        if (frame.ordinal === place.ordinal) return tail.position
      }
    }
    return undefined
  }

  /** Makes what was written survive power loss, and says so in the stream's mark. */
  sync(): void {
    if (!this.#isDirty || this.#file === undefined) return
    this.#file.syncNow()
    this.#isDirty = false
    const { place, proven } = this.#tail
    if (proven.epoch !== place.epoch || proven.ordinal === this.#marked) return
    writeMarkAnew(this.#disk, markPath(this.#directory, this.stream), proven.ordinal)
    this.#marked = proven.ordinal
  }

  close(): void {
    this.sync()
    this.#file?.close()
    this.#file = undefined
  }

  #turnTo(stream: StreamId, segment: number): void {
    this.close()
    this.#file = this.#disk.create(segmentPath(this.#directory, stream, segment))
    this.#disk.syncDirectory(this.#directory)
    this.#segmentIndex = segment
    this.#offset = 0
    if (segment === 1) this.#marked = 0
  }

  #resume(): void {
    const segments = [...this.#segments()]
    for (let last = segments.pop(); last !== undefined; last = segments.pop()) {
      const { tail, end } = this.#readSegment(last)
      if (end === 0) {
        this.#disk.remove(last.path)
        continue
      }
      this.#file = this.#disk.open(last.path, 'readWrite')
      if (this.#file.size() > end) this.#file.truncate(end)
      this.#segmentIndex = last.index
      this.#offset = end
      this.#isDirty = true
      // What nothing in the newest epoch proves, the one before may.
      let { proven } = tail
      for (let older = segments.pop(); older !== undefined && proven.ordinal === 0; older = segments.pop()) {
        proven = this.#readSegment(older).tail.proven
      }
      this.#tail = { ...tail, proven }
      return
    }
  }

  #readSegment({ path }: SegmentName): { readonly tail: Tail; readonly end: number } {
    let tail = nothing
    let end = 0
    for (const { frame, offset } of framesIn(readWhole(this.#disk, path), 0)) {
      tail = behind(frame, this.#shard, tail)
      end = offset + frame.bytes.length
    }
    return { tail, end }
  }

  /** Of this shard, by epoch, then index. */
  #segments(): readonly SegmentName[] {
    return listSegments(this.#disk, this.#directory).filter(({ stream }) => stream.worker === this.#shard)
  }
}

function behind(frame: Frame, shard: ShardId, tail: Tail): Tail {
  let { position } = tail
  for (const section of frame.sections) {
    if (section.shard !== shard) continue
    const nextSequence = section.firstSequence + section.count
    position = { nextSequence, link: frame.kind === 'open' ? linkIn(section) : frame.link }
  }
  const place = placeOf(frame)
  const proven =
    frame.durableOrdinal === 0 ? tail.proven : { epoch: place.epoch, ordinal: frame.durableOrdinal }
  return { place, link: frame.link, position, proven }
}
