/** What a repair takes out of a journal: the end of a stream, its beginning, or all of it. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import type { ArchivedFile, SequenceRange } from '../../persistence/journal/archived.ts'
import { timeText } from '../../persistence/journal/event-fields.ts'
import { type Frame, streamName } from '../../persistence/journal/frame.ts'
import { encodeMark, markPath } from '../../persistence/journal/mark.ts'
import { listSegments, type SegmentName, segmentPath } from '../../persistence/journal/segments.ts'
import type { Draft } from './draft.ts'
import { addToRecord, frameAt } from './file-choices.ts'
import { type StreamHead, streamHeads, type Trace } from './trace.ts'

/** Ends a stream where it can be followed to. What is left of it is durable: the repair syncs it. */
export function cutHere(draft: Draft, trace: Trace, at: string): void {
  const { journal } = draft.files
  const mark = markPath(journal, trace.id)
  if (trace.end === undefined || trace.end.offset === 0) {
    // Of a stream that began in the archive nothing more is missed.
    if (trace.archived > 0) addToRecord(draft, [givenUpFile(draft, mark, at)])
    return dropStream(draft, trace.name)
  }
  const { segment, offset, bytes } = trace.end
  draft.write(segment.path, Buffer.from(bytes.subarray(0, offset)))
  for (const later of trace.segments) if (later.index > segment.index) draft.setAside(later.path)
  draft.write(mark, encodeMark(trace.last.ordinal))
}

/** Sets all files of a stream aside. */
export function dropStream(draft: Draft, name: string): void {
  const { disk, journal } = draft.files
  for (const { path, stream } of listSegments(disk, journal))
    if (streamName(stream) === name) draft.setAside(path)
  const mark = join(journal, `${name}.mark`)
  if (draft.exists(mark)) draft.setAside(mark)
}

/** Gives up the beginning of a stream: it goes on with a segment before which snapshots know everything. */
export function giveUpBefore(
  draft: Draft,
  trace: Trace,
  to: {
    readonly segment: SegmentName
    readonly opening: Frame
    /** By shard, the sequence that older streams lead to, for where the stream does not say itself. */
    readonly due: ReadonlyMap<ShardId, number>
    readonly at: string
  },
): void {
  const { journal } = draft.files
  const { segment, opening, due, at } = to
  const first = trace.segments[0]
  const isGivenUp = first !== undefined && first.index < segment.index
  const begun = (isGivenUp ? frameAt(draft.read(first.path), 0) : undefined) ?? trace.opening
  const events = opening.sections.flatMap(({ shard, firstSequence }): SequenceRange[] => {
    const from =
      begun?.sections.find((section) => section.shard === shard)?.firstSequence ?? due.get(shard) ?? 1
    return firstSequence > from ? [{ shard, from, to: firstSequence - 1 }] : []
  })
  const lines: ArchivedFile[] = []
  for (let index = trace.archived + 1; index < segment.index; index++) {
    const path = segmentPath(journal, trace.id, index)
    const isLast = index === segment.index - 1
    lines.push({
      ...givenUpFile(draft, path, at),
      segment: {
        events: isLast ? events : [],
        next: { ordinal: opening.ordinal, previous: opening.previous },
        begins: timeText(begun?.timeMs ?? opening.timeMs),
        ends: timeText(opening.timeMs),
        ...(index === 1 && { opening: (trace.opening ?? opening).bytes.toString('base64') }),
      },
    })
  }
  addToRecord(draft, lines)
  for (const { index, path } of trace.segments) if (index < segment.index) draft.setAside(path)
}

/** Streams that went on from others with any of these shards, and so from theirs with all of their own. */
export function newerOf(draft: Draft, epoch: number, shards: readonly ShardId[]): readonly StreamHead[] {
  const lost = new Set(shards)
  const found = new Set<StreamHead>()
  const heads = streamHeads(draft.files).filter(({ id }) => id.epoch > epoch)
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const head of heads) {
      const own = head.opening?.sections.map(({ shard }) => shard)
      // One that says nothing of its shards may have any of them.
      if (found.has(head) || (own !== undefined && !own.some((shard) => lost.has(shard)))) continue
      found.add(head)
      for (const shard of own ?? []) lost.add(shard)
    }
  }
  return [...found]
}

function givenUpFile(draft: Draft, path: string, at: string): ArchivedFile {
  const bytes = draft.exists(path) ? draft.read(path) : Buffer.alloc(0)
  const file = path.slice(draft.files.journal.length + 1)
  return { file, bytes: bytes.length, sha256: hash('sha256', bytes), to: null, at }
}
