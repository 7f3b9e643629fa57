/** What is in a segment, for the record of what was archived. */
import { hash } from 'node:crypto'
import type { ShardId } from '../../domain/ids.ts'
import type { ArchivedFile, ArchivedSegment, SequenceRange } from '../../persistence/journal/archived.ts'
import { timeText } from '../../persistence/journal/event-fields.ts'
import type { Frame, Link } from '../../persistence/journal/frame.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import { readWhole, type SegmentName } from '../../persistence/journal/segments.ts'
import type { JournalFiles } from '../journal-files.ts'

export type Scan =
  | {
      readonly type: 'whole'
      readonly bytes: number
      readonly sha256: string
      readonly segment: ArchivedSegment
      /** What it goes on from. */
      readonly begins: { readonly ordinal: number; readonly previous: Link }
      readonly endsMs: number
    }
  /** Bytes that are no frame, or none at all. */
  | { readonly type: 'unfit'; readonly why: string }

/** Reads a segment and everything in it. */
export function scanSegment({ disk }: JournalFiles, { path, index }: SegmentName): Scan {
  const bytes = readWhole(disk, path)
  const events = new Map<ShardId, SequenceRange>()
  let first: Frame | undefined
  let last: Frame | undefined
  let endsMs = 0
  const frames = framesIn(bytes, 0)
  for (;;) {
    const step = frames.next()
    if (step.done === true) {
      if (step.value.type !== 'blank') return { type: 'unfit', why: step.value.why }
      break
    }
    const { frame } = step.value
    if (last !== undefined && (frame.ordinal !== last.ordinal + 1 || frame.previous !== last.link))
      return { type: 'unfit', why: `frame ${frame.ordinal} does not follow` }
    first ??= frame
    last = frame
    endsMs = Math.max(endsMs, frame.timeMs)
    if (frame.kind !== 'batch') continue
    for (const { shard, firstSequence, count, atMs } of frame.sections) {
      const from = events.get(shard)?.from ?? firstSequence
      events.set(shard, { shard, from, to: firstSequence + count - 1 })
      endsMs = Math.max(endsMs, atMs)
    }
  }
  if (first?.kind !== 'open' || last === undefined) return { type: 'unfit', why: 'it was never begun' }
  const segment: ArchivedSegment = {
    events: [...events.values()],
    next: { ordinal: last.ordinal + 1, previous: last.link },
    begins: timeText(first.timeMs),
    ends: timeText(endsMs),
    ...(index === 1 && { opening: first.bytes.toString('base64') }),
  }
  const begins = { ordinal: first.ordinal, previous: first.previous }
  return { type: 'whole', bytes: bytes.length, sha256: hash('sha256', bytes), segment, begins, endsMs }
}

/** The same of a file that is no segment of a stream's own: a mark, or carried frames. */
export function describeFile({ disk }: JournalFiles, path: string): Pick<ArchivedFile, 'bytes' | 'sha256'> {
  const bytes = readWhole(disk, path)
  return { bytes: bytes.length, sha256: hash('sha256', bytes) }
}
