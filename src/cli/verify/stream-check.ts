/** What every frame of a stream must keep to, whatever its events are. */
import type { ShardId } from '../../domain/ids.ts'
import { type Frame, type Link, linkIn, noLink, type Section } from '../../persistence/journal/frame.ts'
import type { Position } from './findings.ts'
import type { OpenedStream } from './inventory.ts'

export class StreamCheck {
  readonly #stream: OpenedStream
  readonly #positions = new Map<ShardId, { nextSequence: number; link: Link }>()
  #unproven: Frame[] = []
  #durableOrdinal = 0
  /** Of the newest events. An opening's own time may be ahead of the frame behind it, which was being gathered then. */
  #timeMs = 0

  constructor(stream: OpenedStream) {
    this.#stream = stream
  }

  /** Frames that neither a later one nor the mark says were durable. */
  get unproven(): readonly Frame[] {
    return this.#unproven.filter(({ ordinal }) => ordinal > this.#stream.markedOrdinal)
  }

  /** The next event of each of the stream's shards. */
  due(): Position[] {
    return [...this.#positions].map(([shard, { nextSequence }]) => ({ shard, sequence: nextSequence }))
  }

  /** Takes the next frame, and answers what is wrong with it. */
  accept(frame: Frame, isFirst: boolean): string[] {
    const wrong: string[] = []
    if ((frame.kind === 'open') !== isFirst)
      wrong.push(`${frame.kind === 'open' ? 'an' : 'no'} opening stands here`)
    if (frame.durableOrdinal >= frame.ordinal) wrong.push('a frame says of itself that it is durable')
    if (frame.durableOrdinal < this.#durableOrdinal) wrong.push('what was durable is so no more')
    if (frame.kind === 'seal' && frame.sections.length > 0) wrong.push('a seal holds events')
    this.#durableOrdinal = frame.durableOrdinal
    this.#unproven = this.#unproven.filter(({ ordinal }) => ordinal > frame.durableOrdinal)
    this.#unproven.push(frame)
    for (const section of frame.sections) {
      const reason = frame.kind === 'open' ? this.#open(frame, section) : this.#advance(frame, section)
      if (reason !== undefined) wrong.push(reason)
    }
    if (frame.kind === 'open' && frame.sections.length !== this.#stream.opening.sections.length) {
      wrong.push('an opening names other shards than the first')
    }
    return wrong
  }

  #open(frame: Frame, section: Section): string | undefined {
    const { shard, firstSequence } = section
    if (shard >= frame.shards) return `shard ${shard} of ${frame.shards}`
    if (section.payload.length !== noLink.length / 2 || section.count > 0) return 'an opening carries no link'
    const link = linkIn(section)
    const position = this.#positions.get(shard)
    if (frame.ordinal === this.#stream.begins.ordinal && position === undefined) {
      this.#positions.set(shard, { nextSequence: firstSequence, link })
      return undefined
    }
    if (position === undefined) return `shard ${shard} is not this stream's`
    if (position.nextSequence !== firstSequence) {
      return `the segment opens shard ${shard} at sequence ${firstSequence}, and ${position.nextSequence} was due`
    }
    return position.link === link ? undefined : `the segment opens shard ${shard} from another history`
  }

  #advance(frame: Frame, section: Section): string | undefined {
    const { shard, firstSequence, count, atMs } = section
    const position = this.#positions.get(shard)
    if (position === undefined) return `shard ${shard} is not this stream's`
    if (position.nextSequence !== firstSequence) {
      return `shard ${shard} goes on at sequence ${firstSequence}, and ${position.nextSequence} was due`
    }
    if (atMs < this.#timeMs) return 'time goes back'
    this.#timeMs = atMs
    this.#positions.set(shard, { nextSequence: firstSequence + count, link: frame.link })
    return undefined
  }
}
