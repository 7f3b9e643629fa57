/**
 * The frames of one stream in order, every byte of its segments accounted for.
 *
 * What may stand in a segment: an opening, frames that each follow the one before, then zeros to the end. What stands at
 * the end of the newest streams and is neither may be a torn tail, if nothing says that it was durable.
 */
import { type Frame, isBlank, streamName } from '../../persistence/journal/frame.ts'
import { type FrameAt, framesIn, parseKnown, type Rest } from '../../persistence/journal/frames-in.ts'
import type { SegmentName } from '../../persistence/journal/segments.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import { type Copy, copyKey } from './copies.ts'
import type { Damage, Finding } from './findings.ts'
import type { OpenedStream } from './inventory.ts'
import { pause, provenIn, readFirst, readLasting } from './reading.ts'

export type Located = FrameAt & {
  readonly path: string
  /** Whether its segment begins with it, or, for a copy, began. */
  readonly isFirst: boolean
}

export type WalkParts = {
  readonly files: JournalFiles
  readonly copies: ReadonlyMap<string, Copy>
  /** Whether some shard's events end in this stream. */
  readonly isNewest: boolean
  readonly report: (
    kind: Finding['kind'],
    place: { readonly file: string; readonly offset: number; readonly what?: Damage },
    reason: string,
  ) => void
  /** Called with every segment that was read, before its frames are followed. */
  readonly onSegment: (segment: SegmentName, bytes: Buffer) => void
  readonly onBytes: (bytes: number) => void
}

/** A write into the page cache takes microseconds; whatever stands half written after all of these stays so. */
const REREADS_MAX = 20
const REREAD_AFTER_MS = 5

/** Returns whether the stream is whole as far as anything tells, and what comes after it can be judged. */
export function* walkStream(stream: OpenedStream, parts: WalkParts): Generator<Located, boolean> {
  const { files, report } = parts
  const follower = new Follower(stream, parts)
  const sizes: { readonly path: string; readonly size: number; readonly isFull: boolean }[] = []
  for (let i = 0; ; i++) {
    const segment = stream.segments[i] as SegmentName
    const next = stream.segments[i + 1]
    // Looked at before this segment is read: where the next one has begun, this one is complete.
    const nextFirst = next === undefined ? undefined : readFirst(files, next)
    const { bytes, rest } = yield* follower.readSegment(segment, nextFirst?.type !== 'frame')
    const goesOn = nextFirst?.type === 'frame' && follower.isNext(nextFirst.frame)
    const isCut = rest.type === 'blank' && rest.offset === bytes.length
    sizes.push({ path: segment.path, size: bytes.length, isFull: goesOn || !isCut })
    if (goesOn) {
      if (rest.type !== 'blank') {
        const what = rest.type === 'foreign' ? 'format' : 'stray'
        report('damaged', { file: shownPath(files, segment.path), offset: rest.troubleAt, what }, rest.why)
      }
      continue
    }
    reportSizes(sizes, parts)
    return yield* follower.end({ index: i, bytes, rest })
  }
}

/** A stream makes all its segments of one size; only its end may have been cut. A mirror's end with their last frame. */
function reportSizes(
  sizes: readonly { readonly path: string; readonly size: number; readonly isFull: boolean }[],
  { files, report }: WalkParts,
): void {
  if (files.redis !== undefined) return
  const full = sizes.filter(({ isFull }) => isFull)
  const made = Math.max(0, ...full.map(({ size }) => size))
  for (const { path, size } of full) {
    if (size === made) continue
    const why = `the segment has ${size} bytes, and was made with ${made}`
    report('damaged', { file: shownPath(files, path), offset: size, what: 'size' }, why)
  }
}

/** Knows the newest frame of its stream, and so what the next one must be. */
class Follower {
  readonly #stream: OpenedStream
  readonly #parts: WalkParts
  #last: Frame | undefined

  constructor(stream: OpenedStream, parts: WalkParts) {
    this.#stream = stream
    this.#parts = parts
  }

  isNext(frame: Frame): boolean {
    if (streamName(frame.stream) !== this.#stream.name) return false
    const last = this.#last
    const { ordinal, previous } = this.#stream.begins
    if (last === undefined) return frame.ordinal === ordinal && frame.previous === previous
    return frame.ordinal === last.ordinal + 1 && frame.previous === last.link
  }

  /** Yields a segment's frames. A live engine's newest one is read again while its end is half written. */
  *readSegment(segment: SegmentName, isEnd: boolean): Generator<Located, { bytes: Buffer; rest: Rest }> {
    const { files, onBytes } = this.#parts
    let bytes = readLasting(files, segment.path)
    this.#parts.onSegment(segment, bytes)
    let rest = yield* this.#readFrames(bytes, { path: segment.path, from: 0 })
    let rereads = 0
    while (rest.type === 'bytes' && isEnd && rereads < REREADS_MAX && files.isLive()) {
      rereads += 1
      pause(REREAD_AFTER_MS)
      bytes = readLasting(files, segment.path)
      rest = yield* this.#readFrames(bytes, { path: segment.path, from: rest.offset })
    }
    if (rereads > 0 && rest.type === 'blank') {
      const why = 'was being written while it was read; read again, it is whole'
      this.#parts.report('note', { file: shownPath(files, segment.path), offset: rest.offset }, why)
    }
    onBytes(bytes.length - rest.offset)
    return { bytes, rest }
  }

  *#readFrames(
    bytes: Buffer,
    at: { readonly path: string; readonly from: number },
  ): Generator<Located, Rest> {
    const frames = framesIn(bytes, at.from)
    for (;;) {
      const step = frames.next()
      if (step.done === true) return step.value
      const { frame, offset } = step.value
      if (!this.isNext(frame)) {
        const why = `frame ${frame.ordinal} of stream ${streamName(frame.stream)} does not follow frame ${this.#lastOrdinal}`
        return { type: 'bytes', offset, troubleAt: offset, why }
      }
      this.#accept(frame)
      this.#parts.onBytes(frame.bytes.length)
      yield { frame, offset, path: at.path, isFirst: offset === 0 }
    }
  }

  #accept(frame: Frame): void {
    this.#last = frame
  }

  get #lastOrdinal(): number {
    return this.#last?.ordinal ?? this.#stream.begins.ordinal - 1
  }

  /** Judges what stands behind the last frame in its segment and in those after it. */
  *end(at: {
    readonly index: number
    readonly bytes: Buffer
    readonly rest: Rest
  }): Generator<Located, boolean> {
    const { files, isNewest, report } = this.#parts
    const { segments, name, markedOrdinal } = this.#stream
    const segment = segments[at.index] as SegmentName
    const proofs = { ordinal: markedOrdinal, by: 'its mark' }
    const prove = (bytes: Buffer, from: number) => {
      const ordinal = provenIn(bytes, from, name)
      if (ordinal > proofs.ordinal) Object.assign(proofs, { ordinal, by: 'a frame behind it' })
    }
    const stays: { file: string; offset: number; why: string; isForeign: boolean }[] = []
    if (at.rest.type !== 'blank') {
      const { troubleAt, why, type } = at.rest
      stays.push({
        file: shownPath(files, segment.path),
        offset: troubleAt,
        why,
        isForeign: type === 'foreign',
      })
      prove(at.bytes, at.rest.offset)
    }
    const isLive = files.isLive()
    for (const later of segments.slice(at.index + 1)) {
      const bytes = readLasting(files, later.path)
      this.#parts.onBytes(bytes.length)
      // A live engine may have begun it since this stream's end was read.
      if (isBlank(bytes, 0) || (isLive && isNewest && at.rest.type === 'blank')) continue
      prove(bytes, 0)
      const parsed = parseKnown(bytes, 0)
      const isForeign = parsed.type === 'foreign'
      const why = isForeign ? parsed.why : 'this segment does not go on where the one before it ends'
      stays.push({ file: shownPath(files, later.path), offset: 0, why, isForeign })
    }

    const fromCopies = yield* this.#readCopies()
    const last = this.#lastOrdinal
    const place = stays[0] ?? {
      file: shownPath(files, segment.path),
      offset: at.rest.offset,
      why: 'nothing is there',
    }
    const foreign = stays.find(({ isForeign }) => isForeign)
    if (foreign !== undefined) {
      report('damaged', { file: foreign.file, offset: foreign.offset, what: 'format' }, foreign.why)
      return false
    }
    if (proofs.ordinal > last) {
      const why = `frame ${last + 1} was durable, as ${proofs.by} says, and cannot be read: ${place.why}`
      report('damaged', { file: place.file, offset: place.offset, what: 'frame' }, why)
      return false
    }
    for (const { file, offset, why } of stays) {
      const place = { file, offset }
      if (!isNewest)
        report('damaged', { ...place, what: 'tail' }, `${why}, and a newer stream has taken over`)
      else report('torn', place, `${why}; nothing says that it was durable, and the next start cuts it`)
    }
    if (fromCopies > 0) {
      const why = `frame ${last - fromCopies + 1} to ${last} are whole in their carried copies only`
      report('note', { file: shownPath(files, segment.path), offset: at.rest.offset }, why)
    }
    return true
  }

  /** Frames that a start wrote anew and that did not last where they were first. */
  *#readCopies(): Generator<Located, number> {
    const { files, copies } = this.#parts
    for (let read = 0; ; read++) {
      const copy = copies.get(copyKey(this.#stream.id, this.#lastOrdinal + 1))
      if (copy === undefined) return read
      const parsed = parseKnown(readLasting(files, copy.path), copy.offset)
      if (parsed.type !== 'frame' || !this.isNext(parsed.frame)) return read
      this.#accept(parsed.frame)
      yield {
        frame: parsed.frame,
        offset: copy.offset,
        path: copy.path,
        isFirst: parsed.frame.kind === 'open',
      }
    }
  }
}
