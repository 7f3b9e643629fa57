/**
 * All events of a journal from a checkpoint on: each once, in the order of its shard, when it is certain, in bounded steps.
 *
 * L1  Streams that newer ones took over from are read to their end as recovery reads them (C1, C2 in streams.ts), the
 *     oldest first. Only then comes what is still being written, followed frame by frame.
 * L2  An event is handed out when nothing can take it back: a newer stream went on behind it, or a later frame, the mark
 *     or its own worker says that its frame is durable.
 * L3  is in cursors.ts.
 * L4  What is missing is never passed over: that is a gap, and whoever reads must begin elsewhere.
 */
import { assert } from '../../domain/assert.ts'
import type { ShardId } from '../../domain/ids.ts'
import { type Checkpoint, Cursors } from './cursors.ts'
import { type Frame, type StreamId, streamName } from './frame.ts'
import { type CertainSection, type JournalPlace, StreamFollower } from './stream-follower.ts'
import {
  type Catalog,
  type Fence,
  fenceAfter,
  framesOf,
  isTakenOver,
  type PlacedFrame,
  readCatalog,
  readFirstFrame,
  type Stream,
  type StreamEnd,
} from './streams.ts'

/** The events behind the checkpoint are not in this directory. */
export class JournalGap extends Error {
  override readonly name = 'JournalGap'
  readonly shard: ShardId

  constructor(shard: ShardId, due: number, found: number) {
    super(`shard ${shard} goes on at sequence ${found}, and ${due} was due`)
    this.shard = shard
  }
}

export type Tailed = {
  readonly sections: readonly CertainSection[]
  /** There was nothing more that is certain. */
  readonly isAtEnd: boolean
}

type Ended = { readonly stream: Stream; frames: Generator<PlacedFrame, StreamEnd> | undefined }

const LOOKS_MAX = 5

export class JournalTailer {
  readonly #place: JournalPlace
  readonly #cursors: Cursors
  #catalog: Catalog | undefined
  /** The directory's files as of the last look. */
  #names: readonly string[] = []
  /** Streams that others took over from, the oldest first, the first of them half read. */
  #ended: Ended[] = []
  /** By name, in order of their epochs. */
  #followers = new Map<string, StreamFollower>()
  readonly #done = new Set<string>()

  private constructor(place: JournalPlace, cursors: Cursors) {
    this.#place = place
    this.#cursors = cursors
  }

  /** Begins behind what was read before; a shard without a checkpoint begins with its first event. */
  static behind(
    place: JournalPlace,
    options: { readonly shards: number; readonly checkpoints?: ReadonlyMap<ShardId, Checkpoint> },
  ): JournalTailer {
    return new JournalTailer(place, new Cursors(options.shards, options.checkpoints))
  }

  /** Begins with the segments that are being written now: some that is old comes, and all that is new. */
  static atEnd(place: JournalPlace, { shards }: { readonly shards: number }): JournalTailer {
    const cursors = new Cursors(shards)
    for (const stream of readCatalog(place.disk, place.journal).streams) {
      for (const { shard, firstSequence } of newestOpeningOf(place, stream).sections)
        cursors.skipTo(shard, firstSequence)
    }
    return new JournalTailer(place, cursors)
  }

  /** Begins with the oldest events that are here: the first ones, unless those were archived. */
  static atOldest(place: JournalPlace, { shards }: { readonly shards: number }): JournalTailer {
    const oldest = new Map<ShardId, number>()
    for (const { segments, opening } of readCatalog(place.disk, place.journal).streams) {
      const [segment] = segments
      const first = segment === undefined ? undefined : readFirstFrame(place.disk, segment)
      for (const { shard, firstSequence } of (first?.kind === 'open' ? first : opening).sections)
        oldest.set(shard, Math.min(firstSequence, oldest.get(shard) ?? firstSequence))
    }
    const cursors = new Cursors(shards)
    for (const [shard, due] of oldest) cursors.skipTo(shard, due)
    return new JournalTailer(place, cursors)
  }

  /** Up to where each shard was handed out. */
  get checkpoints(): ReadonlyMap<ShardId, Checkpoint> {
    return this.#cursors.checkpoints
  }

  /** Events that are known to be there and were not handed out; there may be more. */
  get behindBy(): number {
    return this.#cursors.behindBy
  }

  /** Events that are written and not certain yet. */
  get heldBack(): number {
    return [...this.#followers.values()].reduce((sum, { heldBack }) => sum + heldBack, 0)
  }

  /** Finds out which streams there are, where any file is new or gone. Throws `JournalDamaged`, `OtherHistory`. */
  look(): void {
    const names = this.#place.disk.list(this.#place.journal)
    const isSame = names.length === this.#names.length && names.every((name, i) => name === this.#names[i])
    // One that has not opened yet may have since, without another file.
    if (isSame && this.#catalog?.leftovers.length === 0) return
    for (let pass = 1; ; pass++) {
      try {
        this.#look()
        this.#names = names
        return
      } catch (error) {
        // A worker that starts gives back what its predecessor did not use.
        if (!isMissing(error) || pass === LOOKS_MAX) throw error
      }
    }
  }

  /** A worker said that frames up to here are durable. False where the stream is not known: it is time to look. */
  noteDurable(stream: StreamId, ordinal: number): boolean {
    const name = streamName(stream)
    this.#followers.get(name)?.noteDurable(ordinal)
    return this.#followers.has(name) || this.#done.has(name)
  }

  /** Reads on, so many bytes of frames at most and one frame more. Throws `JournalDamaged`, `JournalGap`, `OtherHistory`. */
  read(bytesMax: number): Tailed {
    if (this.#catalog === undefined) this.look()
    const sections: CertainSection[] = []
    let left = bytesMax
    while (left > 0) {
      const ended = this.#ended[0]
      if (ended === undefined) break
      left -= this.#readEnded(ended, left, sections)
    }
    if (left <= 0) return { sections, isAtEnd: false }
    return { sections, isAtEnd: this.#readFollowed(left, sections) }
  }

  close(): void {
    for (const follower of this.#followers.values()) follower.close()
    this.#followers.clear()
    this.#ended = []
  }

  #look(): void {
    const { disk, journal } = this.#place
    const catalog = readCatalog(disk, journal)
    this.#catalog = catalog
    this.#cursors.inspectAll(catalog)
    const names = new Set(catalog.streams.map(({ id }) => streamName(id)))
    for (const name of this.#followers.keys()) if (!names.has(name)) this.#forget(name)
    const [half] = this.#ended
    this.#ended = []
    for (const stream of catalog.streams) {
      const name = streamName(stream.id)
      if (this.#done.has(name)) continue
      if (!isTakenOver(catalog, stream)) this.#follow(name, stream)
      else if (half?.frames !== undefined && streamName(half.stream.id) === name) this.#ended.push(half)
      else this.#end(name, stream)
    }
  }

  #follow(name: string, stream: Stream): void {
    const newest = newestOpeningOf(this.#place, stream)
    for (const { shard, firstSequence } of newest.sections) this.#cursors.know(shard, firstSequence - 1)
    if (this.#followers.has(name)) return
    const segment = stream.segments[this.#firstNeeded(stream)]
    assert(segment !== undefined, 'a stream that opened has a segment')
    const from = { segment: segment.index, opening: stream.opening }
    const all = [...this.#followers, [name, new StreamFollower(this.#place, stream.id, from)] as const]
    this.#followers = new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #end(name: string, stream: Stream): void {
    this.#forget(name)
    let isNeeded = false
    for (const { shard } of stream.opening.sections) {
      const end = this.#fenceAfter(shard, stream.id.epoch)?.nextSequence ?? 1
      this.#cursors.know(shard, end - 1)
      if (end > this.#cursors.dueIn(shard)) isNeeded = true
    }
    if (isNeeded) this.#ended.push({ stream, frames: undefined })
    else this.#done.add(name)
  }

  #forget(name: string): void {
    this.#followers.get(name)?.close()
    this.#followers.delete(name)
  }

  #readEnded(ended: Ended, bytesMax: number, into: CertainSection[]): number {
    const { id, opening } = ended.stream
    for (const { shard, firstSequence } of opening.sections) this.#expectDue(shard, firstSequence)
    let bytes = 0
    while (bytes < bytesMax) {
      const step = this.#nextOf(ended)
      if (step === undefined) return bytesMax
      if (step.done === true) {
        this.#ended.shift()
        this.#done.add(streamName(id))
        for (const { shard } of opening.sections)
          this.#expectDue(shard, this.#fenceAfter(shard, id.epoch)?.nextSequence ?? 1)
        this.#cursors.expectVerified(id.epoch)
        break
      }
      const frame = step.value
      bytes += frame.bytes.length
      this.#cursors.inspect(frame)
      if (frame.kind === 'batch') this.#acceptFrame(frame, into)
    }
    return bytes
  }

  /** Undefined where a file went meanwhile: by the next read it is known what became of it. */
  #nextOf(ended: Ended): IteratorResult<PlacedFrame, StreamEnd> | undefined {
    try {
      ended.frames ??= framesOf(this.#place.disk, this.#catalog as Catalog, ended.stream, {
        fromSegment: this.#firstNeeded(ended.stream),
      })
      return ended.frames.next()
    } catch (error) {
      ended.frames = undefined
      if (!isMissing(error)) throw error
      this.#catalog = undefined
      return undefined
    }
  }

  #acceptFrame({ stream, link, sections }: Frame, into: CertainSection[]): void {
    for (const section of sections) {
      const fence = this.#fenceAfter(section.shard, stream.epoch)
      if (fence === undefined || section.firstSequence < fence.nextSequence)
        this.#accept({ stream, section, link }, into)
    }
  }

  /** False where some could not be read to the end. */
  #readFollowed(bytesMax: number, into: CertainSection[]): boolean {
    let left = bytesMax
    for (const follower of this.#followers.values()) {
      if (!this.#mayRead(follower)) continue
      const isWhole = follower.read(left, (frame) => {
        left -= frame.bytes.length
        this.#cursors.inspect(frame)
      })
      for (const certain of follower.takeCertain((shard, epoch) => this.#fenceAfter(shard as ShardId, epoch)))
        this.#accept(certain, into)
      if (!isWhole) return false
      this.#cursors.expectVerified(follower.id.epoch)
    }
    return true
  }

  /** Whether all that lies before a stream was handed out. Throws where it never will be. */
  #mayRead({ id, opening }: StreamFollower): boolean {
    for (const { shard, firstSequence } of opening?.sections ?? []) {
      if (this.#cursors.dueIn(shard) >= firstSequence) continue
      const older = [...this.#followers.values()].some(
        (other) => other.id.epoch < id.epoch && other.opening?.sections.some((own) => own.shard === shard),
      )
      if (!older) this.#expectDue(shard, firstSequence)
      return false
    }
    return true
  }

  #accept(certain: CertainSection, into: CertainSection[]): void {
    const { section, stream, link } = certain
    const { shard, firstSequence, count } = section
    const last = firstSequence + count - 1
    if (last < this.#cursors.dueIn(shard)) return
    this.#expectDue(shard, firstSequence)
    assert(firstSequence === this.#cursors.dueIn(shard), 'a section is handed out whole')
    this.#cursors.advance(shard, { sequence: last, epoch: stream.epoch, link })
    into.push(certain)
  }

  /** L4 */
  #expectDue(shard: ShardId, found: number): void {
    const due = this.#cursors.dueIn(shard)
    if (due < found) throw new JournalGap(shard, due, found)
  }

  /** The last segment that begins at or before what is due, by its place in the stream's list. */
  #firstNeeded({ segments }: Stream): number {
    let covered = 0
    let beyond = segments.length
    while (covered + 1 < beyond) {
      const middle = (covered + beyond) >> 1
      const opening = readFirstFrame(this.#place.disk, segments[middle] as Stream['segments'][number])
      const isCovered =
        opening?.kind === 'open' &&
        opening.sections.every(({ shard, firstSequence }) => firstSequence <= this.#cursors.dueIn(shard))
      if (isCovered) covered = middle
      else beyond = middle
    }
    return covered
  }

  #fenceAfter(shard: ShardId, epoch: number): Fence | undefined {
    return fenceAfter(this.#catalog as Catalog, shard, epoch)
  }
}

/** What the last segment that was begun begins with. */
function newestOpeningOf({ disk }: JournalPlace, { segments, opening }: Stream): Frame {
  // The last one may have been made ahead and be blank.
  for (const segment of segments.slice(-2).reverse()) {
    const first = readFirstFrame(disk, segment)
    if (first?.kind === 'open') return first
  }
  return opening
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
