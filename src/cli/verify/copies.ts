/** Frames that a start wrote anew, ahead of its own stream, because nothing proved them durable where they were first. */
import { type Link, type StreamId, streamName } from '../../persistence/journal/frame.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import { readWhole, type SegmentName } from '../../persistence/journal/segments.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'

/** Where the copy of a frame stands that was written anew, and what it must be equal to. */
export type Copy = {
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly link: Link
  /** Epochs of the streams that carry it. Workers that start together each carry what matters to their shards. */
  readonly carriers: Set<number>
}

export function copyKey(stream: StreamId, ordinal: number): string {
  return `${streamName(stream)}/${ordinal}`
}

/** Adds the copies in a file of carried frames to those that are known. */
export function readCopies(
  files: JournalFiles,
  findings: Findings,
  carried: { readonly file: SegmentName; readonly copies: Map<string, Copy> },
): void {
  const { path } = carried.file
  const { epoch } = carried.file.stream
  const bytes = readWhole(files.disk, path)
  const damaged = (offset: number, reason: string) =>
    findings.add('damaged', { file: shownPath(files, path), offset, what: 'carried' }, reason)
  if (bytes.length === 0) damaged(0, 'carried frames are missing')
  const frames = framesIn(bytes, 0)
  for (;;) {
    const step = frames.next()
    if (step.done === true) {
      const { offset, type } = step.value
      if (offset === bytes.length) return
      const why = type === 'blank' ? 'zeros behind the last one' : step.value.why
      return damaged(offset, `a carried frame cannot be read: ${why}`)
    }
    const { frame, offset } = step.value
    const key = copyKey(frame.stream, frame.ordinal)
    const twin = carried.copies.get(key)
    if (twin === undefined) {
      const { link, bytes: own } = frame
      carried.copies.set(key, { path, offset, length: own.length, link, carriers: new Set([epoch]) })
      continue
    }
    if (twin.link !== frame.link || twin.length !== frame.bytes.length)
      damaged(offset, `frame ${key} was carried twice, and differs`)
    twin.carriers.add(epoch)
  }
}
