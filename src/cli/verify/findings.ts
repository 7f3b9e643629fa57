/** What an audit found, each with its place. Bounded: a disk that went bad should not fill the memory with reasons. */
import type { ShardId } from '../../domain/ids.ts'

export type Position = { readonly shard: ShardId; readonly sequence: number }

/** What is damaged, for whoever would mend it. */
export type Damage =
  /** The directory's own record, or that of what was archived. */
  | 'record'
  | 'archiveRecord'
  /** A copy in an archive is not what was archived. */
  | 'archivedCopy'
  /** Written by a version that this one does not know. */
  | 'format'
  | 'mark'
  /** A mark whose stream is gone. */
  | 'streamGone'
  /** A segment that is not there. */
  | 'segmentGone'
  /** A frame that cannot be read, or is not what must stand there. */
  | 'frame'
  /** Bytes where nothing was written, or too few or too many of them; no frame is concerned. */
  | 'stray'
  | 'size'
  /** Bytes behind the last frame of a stream that newer ones took over from. */
  | 'tail'
  /** A carried frame that cannot be read, or is not there. */
  | 'carried'
  | 'carriedGone'
  /** Events that no stream has, or a stream that does not go on where the older ones ended. */
  | 'gap'
  | 'history'
  /** What the events say cannot be so. */
  | 'events'
  /** Each shard's events can be so, and what they say of one reservation differs. No file is to be mended. */
  | 'between'
  | 'snapshot'
  /** A snapshot knows of events that the journal does not have any more. */
  | 'beyond'
  /** Events are archived, and no snapshot holds them. */
  | 'base'
  /** A file that has the name of a segment and is none. */
  | 'notOurs'

export type Place = {
  /** Within the data directory. */
  readonly file: string
  readonly what?: Damage | undefined
  /** The frame that is not where it was carried to. */
  readonly frame?: { readonly stream: string; readonly ordinal: number } | undefined
  readonly offset?: number | undefined
  /** The event concerned; where frames cannot be read, the next one due of every shard they may hold. */
  readonly positions?: readonly Position[] | undefined
}

export type Finding = Place & {
  /** `damaged` and `torn` as in exit-codes.ts; a `note` is odd, explained, and no fault. */
  readonly kind: 'damaged' | 'torn' | 'note'
  readonly reason: string
}

const keptPerKind = 100

export class Findings {
  readonly #kept: Finding[] = []
  readonly #counts = { damaged: 0, torn: 0, note: 0 }

  add(kind: Finding['kind'], place: Place, reason: string): void {
    this.#counts[kind] += 1
    if (this.#counts[kind] <= keptPerKind) this.#kept.push({ kind, ...place, reason })
  }

  /** The first hundred of each kind. */
  get kept(): readonly Finding[] {
    return this.#kept
  }

  count(kind: Finding['kind']): number {
    return this.#counts[kind]
  }
}
