/** Where each shard's events stand, for findings that come to light when everything has been read. */
import type { ShardId } from '../../domain/ids.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import { readLasting } from './reading.ts'
import type { Located } from './stream-walk.ts'

export type EventPlace = { readonly file: string; readonly offset?: number }

/** A file that a shard's events go on in, from this sequence and offset. */
type Mark = { readonly sequence: number; readonly path: string; readonly offset: number }

export class Trailmarks {
  readonly #files: JournalFiles
  readonly #marks = new Map<ShardId, Mark[]>()

  constructor(files: JournalFiles) {
    this.#files = files
  }

  /** The next section of a shard. */
  pass(shard: ShardId, sequence: number, { path, offset }: Located): void {
    const marks = this.#marks.get(shard) ?? []
    if (marks.length === 0) this.#marks.set(shard, marks)
    if (marks.at(-1)?.path !== path) marks.push({ sequence, path, offset })
  }

  /** Reads a file once more for the frame. */
  placeOf(shard: ShardId, sequence: number): EventPlace {
    const mark = this.#marks.get(shard)?.findLast((mark) => mark.sequence <= sequence)
    if (mark === undefined) return { file: 'journal' }
    const file = shownPath(this.#files, mark.path)
    for (const { frame, offset } of framesIn(readLasting(this.#files, mark.path), mark.offset)) {
      const isIt = frame.sections.some(
        ({ shard: of, firstSequence, count }) =>
          of === shard && firstSequence <= sequence && sequence < firstSequence + count,
      )
      if (isIt) return { file, offset }
    }
    return { file }
  }
}
