/**
 * A journal of one machine, in which workers' streams hold several shards each, written anew as nodes have it: a stream for
 * each shard and epoch.
 *
 * Events stay byte for byte what they are, with their sequences, times and batches; what is new is the frame around them, and
 * so its place and link. Only what counts comes along: what a stream wrote behind another one's opening never happened.
 */
import type { ShardId } from '../../domain/ids.ts'
import type { Disk } from '../../persistence/journal/disk.ts'
import {
  type Frame,
  FrameBuilder,
  frameHeaderBytes,
  frameOverheadBytes,
  noLink,
  parseFrame,
  type Section,
  type StreamId,
} from '../../persistence/journal/frame.ts'
import { MirrorFile } from '../../persistence/journal/redis/mirror-file.ts'

export type ShardStreamsOptions = {
  readonly disk: Disk
  /** An empty one. */
  readonly directory: string
  readonly shardsOfData: number
  readonly segmentBytes: number
}

/** The sections of one shard in one frame of the source. */
type Batch = { readonly from: Frame; readonly openedAtMs: number; readonly sections: Section[] }

export class ShardStreams {
  frames = 0
  readonly #options: ShardStreamsOptions
  readonly #shards = new Map<ShardId, ShardStream>()

  constructor(options: ShardStreamsOptions) {
    this.#options = options
  }

  /** Takes the next section of a shard, which stands in this frame of a stream that opened then. */
  add(section: Section, from: Frame, openedAtMs: number): void {
    let stream = this.#shards.get(section.shard)
    if (stream === undefined) {
      stream = new ShardStream(section.shard, this.#options)
      this.#shards.set(section.shard, stream)
    }
    stream.add(section, from, openedAtMs)
  }

  /** All of it survives power loss when this returns; it ends at this time. */
  close(atMs: number): void {
    for (const stream of this.#shards.values()) {
      stream.close(atMs)
      this.frames += stream.frames
    }
  }
}

class ShardStream {
  frames = 0
  readonly #shard: ShardId
  readonly #options: ShardStreamsOptions
  readonly #file: MirrorFile
  #batch: Batch | undefined
  #stream: StreamId | undefined
  /** Of the segment that is being written. */
  #bytes = 0
  #timeMs = 0

  constructor(shard: ShardId, options: ShardStreamsOptions) {
    this.#shard = shard
    this.#options = options
    this.#file = new MirrorFile(options.disk, options.directory, shard)
  }

  add(section: Section, from: Frame, openedAtMs: number): void {
    if (this.#batch?.from !== from) {
      this.#writeBatch()
      this.#batch = { from, openedAtMs, sections: [] }
    }
    this.#batch?.sections.push(section)
  }

  close(atMs: number): void {
    this.#writeBatch()
    this.#seal(Math.max(atMs, this.#timeMs))
    this.#file.close()
  }

  #writeBatch(): void {
    const batch = this.#batch
    if (batch === undefined) return
    const { from, openedAtMs, sections } = batch
    const payload = sections.reduce((sum, each) => sum + each.payload.length + frameHeaderBytes, 0)
    if (this.#stream?.epoch !== from.stream.epoch) {
      this.#seal(this.#timeMs)
      this.#stream = { epoch: from.stream.epoch, worker: this.#shard }
      this.#open(Math.max(openedAtMs, this.#timeMs))
    } else if (this.#bytes + payload + frameOverheadBytes > this.#options.segmentBytes)
      this.#open(this.#timeMs)
    const frame = this.#builder(payload)
    for (const { firstSequence, atMs, payload: events, count } of sections) {
      frame.beginSection(this.#shard, firstSequence, atMs)
      frame.addEncoded({ payload: events, count })
      frame.endSection()
      this.#timeMs = atMs
    }
    this.#write(frame, 'batch')
    this.#batch = undefined
  }

  /** What comes before a seal is durable, which it says. */
  #seal(atMs: number): void {
    if (this.#stream !== undefined) this.#write(this.#builder(0), 'seal', atMs)
  }

  /** The first frame of a segment. */
  #open(atMs: number): void {
    const { nextSequence, link } = this.#file.tail.position
    const frame = this.#builder(frameHeaderBytes)
    frame.beginSection(this.#shard, nextSequence, atMs)
    frame.endSection(link)
    this.#bytes = 0
    this.#write(frame, 'open')
  }

  #builder(payloadBytes: number): FrameBuilder {
    const capacity = frameHeaderBytes + payloadBytes
    return new FrameBuilder(this.#stream as StreamId, { shards: this.#options.shardsOfData, capacity })
  }

  #write(frame: FrameBuilder, kind: 'open' | 'batch' | 'seal', timeMs = 0): void {
    const { tail, stream } = this.#file
    const isFirst = stream.epoch !== this.#stream?.epoch
    const ordinal = isFirst ? 1 : tail.place.ordinal + 1
    const previous = isFirst ? noLink : tail.link
    const { bytes } = frame.finish({ kind, ordinal, durableOrdinal: ordinal - 1, timeMs, previous })
    const parsed = parseFrame(Buffer.from(bytes), 0)
    const accepted = parsed.type === 'frame' ? this.#file.accept(parsed.frame) : parsed.type
    if (accepted !== 'added')
      throw new Error(`frame ${ordinal} of shard ${this.#shard} does not follow: ${accepted}`)
    this.#bytes += bytes.length
    this.frames += 1
  }
}
