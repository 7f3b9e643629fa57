/**
 * Where a reader of the journal is in each shard, and whether the journal is still the one it began to read.
 *
 * L3  A checkpoint names its newest event's frame. A journal that has another one in its place is another history.
 */
import { assert } from '../../domain/assert.ts'
import type { ShardId } from '../../domain/ids.ts'
import { type Frame, type Link, linkIn, noLink, type Section } from './frame.ts'
import { type Catalog, fenceAfter } from './streams.ts'

/** The newest event of a shard that was read, and the frame it stands in. Sequence 0 is none. */
export type Checkpoint = { readonly sequence: number; readonly epoch: number; readonly link: Link }

/** The events up to the checkpoint are not those of this journal. */
export class OtherHistory extends Error {
  override readonly name = 'OtherHistory'
}

type Cursor = {
  sequence: number
  epoch: number
  link: Link
  /** Whether the journal was seen to hold the checkpoint's frame. */
  isVerified: boolean
}

const noCheckpoint: Checkpoint = { sequence: 0, epoch: 0, link: noLink }

export class Cursors {
  readonly #cursors = new Map<ShardId, Cursor>()
  /** By shard, the newest sequence that an opening tells of. */
  readonly #known = new Map<ShardId, number>()

  constructor(shards: number, checkpoints?: ReadonlyMap<ShardId, Checkpoint>) {
    for (let number = 0; number < shards; number++) {
      const shard = number as ShardId
      const { sequence, epoch, link } = checkpoints?.get(shard) ?? noCheckpoint
      this.#cursors.set(shard, { sequence, epoch, link, isVerified: sequence === 0 })
    }
  }

  get checkpoints(): ReadonlyMap<ShardId, Checkpoint> {
    return this.#cursors
  }

  /** Events that are known to be there and were not read; there may be more. */
  get behindBy(): number {
    let events = 0
    for (const [shard, known] of this.#known) events += Math.max(0, known + 1 - this.dueIn(shard))
    return events
  }

  /** The next sequence to read. */
  dueIn(shard: ShardId): number {
    return this.#of(shard).sequence + 1
  }

  /** Passes over what is below a sequence, without having read it. */
  skipTo(shard: ShardId, due: number): void {
    const cursor = this.#of(shard)
    cursor.sequence = Math.max(cursor.sequence, due - 1)
  }

  advance(shard: ShardId, to: Checkpoint): void {
    const cursor = this.#of(shard)
    assert(cursor.isVerified, 'what comes behind a checkpoint comes after its frame')
    Object.assign(cursor, to)
  }

  know(shard: ShardId, sequence: number): void {
    if (sequence > (this.#known.get(shard) ?? 0)) this.#known.set(shard, sequence)
  }

  /** Looks at a frame that was read, certain or not. Throws `OtherHistory`. */
  inspect(frame: Frame): void {
    for (const section of frame.sections) {
      const { shard, firstSequence, count } = section
      if (frame.kind === 'open') this.know(shard, firstSequence - 1)
      const cursor = this.#of(shard)
      // What an older stream has behind its end is nobody's history.
      if (cursor.isVerified || frame.stream.epoch < cursor.epoch) continue
      if (frame.kind === 'open') verifyByOpening(cursor, section)
      else if (firstSequence + count - 1 === cursor.sequence) verify(cursor, shard, frame.link)
      else if (firstSequence + count > cursor.sequence)
        throw new OtherHistory(`shard ${shard} has another frame at sequence ${cursor.sequence}`)
    }
  }

  /** Compares with what every stream says of itself. Throws `OtherHistory`. */
  inspectAll(catalog: Catalog): void {
    for (const [shard, cursor] of this.#cursors) if (!cursor.isVerified) inspectOne(catalog, shard, cursor)
  }

  /** Throws where a stream of the checkpoint's epoch was read to its end, and the checkpoint's frame is not in it. */
  expectVerified(epoch: number): void {
    for (const [shard, cursor] of this.#cursors) {
      if (!cursor.isVerified && cursor.epoch === epoch)
        throw new OtherHistory(`shard ${shard} ends before sequence ${cursor.sequence}`)
    }
  }

  #of(shard: ShardId): Cursor {
    const cursor = this.#cursors.get(shard)
    assert(cursor !== undefined, 'a journal has as many shards as its data')
    return cursor
  }
}

function inspectOne(catalog: Catalog, shard: ShardId, cursor: Cursor): void {
  const own = catalog.streams.flatMap(({ id, opening }) => {
    const section = opening.sections.find((each) => each.shard === shard)
    return section === undefined || id.epoch < cursor.epoch ? [] : [{ epoch: id.epoch, section }]
  })
  for (const { section } of own) if (!cursor.isVerified) verifyByOpening(cursor, section)
  if (cursor.isVerified) return
  const fence = fenceAfter(catalog, shard, cursor.epoch)
  const isThere = fence !== undefined || own.some(({ epoch }) => epoch === cursor.epoch)
  if (!isThere || (fence !== undefined && fence.nextSequence <= cursor.sequence))
    throw new OtherHistory(`shard ${shard} never came to sequence ${cursor.sequence}`)
}

function verifyByOpening(cursor: Cursor, section: Section): void {
  if (section.firstSequence === cursor.sequence + 1) verify(cursor, section.shard, linkIn(section))
}

function verify(cursor: Cursor, shard: ShardId, link: Link): void {
  if (link !== cursor.link)
    throw new OtherHistory(`shard ${shard} has another event at sequence ${cursor.sequence}`)
  cursor.isVerified = true
}
