/**
 * All streams of a journal as one: the last events there are, then each further one as it becomes certain.
 *
 * Streams are read newest first. Where a newer one is seen to have opened, what an older one wrote before is complete;
 * read the other way round, events could come after their successors.
 */
import type { Event } from '../../domain/events.ts'
import type { ShardId } from '../../domain/ids.ts'
import { archivedBefore, readArchive } from './archived.ts'
import { allEventsOf, type Frame, type Section, type StreamId, streamName } from './frame.ts'
import { framesIn } from './frames-in.ts'
import { markPath, readMark } from './mark.ts'
import { carriedIndex, listSegments, readWhole } from './segments.ts'
import {
  type CertainSection,
  type JournalPlace,
  openingsOf,
  StreamFollower,
  type Stuck,
} from './stream-follower.ts'

export type JournalEvent = {
  readonly atMs: number
  readonly shard: ShardId
  readonly sequence: number
  readonly event: Event
}

type Stream = {
  readonly id: StreamId
  readonly name: string
  readonly opening: Frame
  /** How many of its first segments were archived, and the openings of those behind. */
  readonly archived: number
  readonly openings: readonly Frame[]
  /** No event of it is later. */
  endsBeforeMs: number
}

/** A stream's claim on its shards. It counts once the stream has opened for certain. */
type Claim = { readonly epoch: number; hasOpened(): boolean; sections(): readonly Section[] }

export class JournalFollower {
  readonly #files: JournalPlace
  /** By name, those that may still get events. */
  readonly #followers = new Map<string, StreamFollower>()
  /** Names of streams that are read to their end. */
  readonly #ended = new Set<string>()
  readonly #claims: Claim[] = []

  constructor(files: JournalPlace) {
    this.#files = files
  }

  /** The newest events there are, oldest first; `poll` goes on behind them. */
  begin(count: number): JournalEvent[] {
    const streams = this.#streams()
    for (const stream of streams) {
      if (stream.endsBeforeMs === Number.POSITIVE_INFINITY) this.#follow(stream, count)
      // Another has opened all of its shards since: so it had opened them.
      else this.#claims.push(claimOf(stream))
    }
    let newest = lastOf(this.#readAll(), count)
    const older = streams.filter(({ endsBeforeMs }) => endsBeforeMs < Number.POSITIVE_INFINITY)
    older.sort((a, b) => b.endsBeforeMs - a.endsBeforeMs)
    for (const stream of older) {
      this.#ended.add(stream.name)
      const isFull = eventsIn(newest) >= count && (newest[0]?.section.atMs ?? 0) > stream.endsBeforeMs
      if (count === 0 || isFull) continue
      const follower = this.#followerOf(stream, count)
      follower.read()
      newest = lastOf([...newest, ...this.#finish(follower)], count)
    }
    return count === 0 ? [] : decoded(newest).slice(-count)
  }

  /** What has become certain since. */
  poll(): JournalEvent[] {
    const names = Map.groupBy(listSegments(this.#files.disk, this.#files.journal), ({ stream }) =>
      streamName(stream),
    )
    for (const [name, [first]] of names) {
      if (first === undefined || this.#followers.has(name) || this.#ended.has(name)) continue
      this.#add(new StreamFollower(this.#files, first.stream, { segment: 1 }))
    }
    for (const [name, follower] of this.#followers) if (!names.has(name)) this.#end(follower)
    return decoded(this.#readAll())
  }

  /** Events that are written and not certain yet. */
  get heldBack(): number {
    return [...this.#followers.values()].reduce((sum, { heldBack }) => sum + heldBack, 0)
  }

  /** Where a stream's next bytes are no frame. */
  get stuck(): Stuck[] {
    return [...this.#followers.values()].flatMap(({ stuckAt }) => stuckAt ?? [])
  }

  close(): void {
    for (const follower of this.#followers.values()) follower.close()
  }

  #readAll(): CertainSection[] {
    const newestFirst = [...this.#followers.values()].sort((a, b) => b.id.epoch - a.id.epoch)
    for (const follower of newestFirst) follower.read()
    const sections: CertainSection[] = []
    for (const follower of newestFirst) {
      const certain = this.#isOver(follower) ? this.#takeRest(follower) : this.#take(follower)
      for (const section of certain) sections.push(section)
    }
    return sections.sort(inOrder)
  }

  #take(follower: StreamFollower): CertainSection[] {
    return follower.takeCertain((shard, epoch) => this.#fenceAfter(shard, epoch))
  }

  #takeRest(follower: StreamFollower): CertainSection[] {
    const sections = this.#finish(follower)
    this.#end(follower)
    return sections
  }

  /** All shards have gone on elsewhere: what the stream has now, and in copies, is all it will have. */
  #finish(follower: StreamFollower): CertainSection[] {
    for (;;) {
      const copy = this.#copyOf(follower.id, follower.lastOrdinal + 1)
      if (copy === undefined) break
      follower.takeCopy(copy)
    }
    follower.close()
    return this.#take(follower)
  }

  #end(follower: StreamFollower): void {
    follower.close()
    const name = streamName(follower.id)
    this.#followers.delete(name)
    this.#ended.add(name)
  }

  #isOver({ id, opening }: StreamFollower): boolean {
    return opening?.sections.every(({ shard }) => this.#fenceAfter(shard, id.epoch) !== undefined) ?? false
  }

  #fenceAfter(shard: number, epoch: number): { readonly nextSequence: number } | undefined {
    let nearest: { readonly epoch: number; readonly nextSequence: number } | undefined
    for (const claim of this.#claims) {
      if (claim.epoch <= epoch || (nearest !== undefined && claim.epoch >= nearest.epoch)) continue
      const section = claim.sections().find((candidate) => candidate.shard === shard)
      if (section === undefined || !claim.hasOpened()) continue
      nearest = { epoch: claim.epoch, nextSequence: section.firstSequence }
    }
    return nearest
  }

  #follow(stream: Stream, count: number): void {
    this.#add(this.#followerOf(stream, count))
  }

  #add(follower: StreamFollower): void {
    this.#followers.set(streamName(follower.id), follower)
    this.#claims.push({
      epoch: follower.id.epoch,
      hasOpened: () => follower.hasOpened,
      sections: () => follower.opening?.sections ?? [],
    })
  }

  /** Begins at the last segment that has so many events behind its opening, as the openings tell. */
  #followerOf({ id, opening, archived, openings }: Stream, count: number): StreamFollower {
    const newest = sequencesOf(openings.at(-1) as Frame)
    let from = openings.length
    while (from > 1 && newest - sequencesOf(openings[from - 1] as Frame) < count) from -= 1
    return new StreamFollower(this.#files, id, { segment: archived + from, opening })
  }

  /** Streams that opened, newest first. */
  #streams(): Stream[] {
    const { disk, journal } = this.#files
    const streams: Stream[] = []
    const opened = new Map<ShardId, number>()
    const archive = readArchive(disk, journal)
    const byName = [...Map.groupBy(listSegments(disk, journal), ({ stream }) => streamName(stream))]
    for (const [name, files] of byName.reverse()) {
      const ofArchive = archive.streams.get(name)
      const archived = archivedBefore(ofArchive, files)
      const openings = openingsOf(this.#files, files, archived + 1)
      const opening = archived > 0 ? ofArchive?.opening : openings[0]
      if (opening === undefined || openings.length === 0) continue
      const ends = opening.sections.map(({ shard }) => opened.get(shard) ?? Number.POSITIVE_INFINITY)
      const endsBeforeMs = Math.max(0, ...ends)
      streams.push({ id: opening.stream, name, opening, archived, openings, endsBeforeMs })
      // One that has only just opened may yet be gone after a crash, and the one before it go on.
      const mark = readMark(disk, markPath(journal, opening.stream))
      if (archived === 0 && openings.length === 1 && mark.type !== 'mark') continue
      for (const { shard } of opening.sections) opened.set(shard, opening.timeMs)
    }
    return streams
  }

  #copyOf(stream: StreamId, ordinal: number): Frame | undefined {
    for (const { path, index } of listSegments(this.#files.disk, this.#files.journal)) {
      if (index !== carriedIndex) continue
      for (const { frame } of framesIn(readWhole(this.#files.disk, path), 0)) {
        if (frame.ordinal === ordinal && streamName(frame.stream) === streamName(stream)) return frame
      }
    }
    return undefined
  }
}

/** Of a stream whose shards another has opened since: so it had opened them. */
function claimOf({ id, opening }: Stream): Claim {
  return { epoch: id.epoch, hasOpened: () => true, sections: () => opening.sections }
}

function sequencesOf(opening: Frame): number {
  return opening.sections.reduce((sum, { firstSequence }) => sum + firstSequence, 0)
}

function decoded(sections: readonly CertainSection[]): JournalEvent[] {
  return sections.flatMap(({ section }) => {
    const { shard, firstSequence, atMs } = section
    return allEventsOf(section).map((event, i) => ({ atMs, shard, sequence: firstSequence + i, event }))
  })
}

/** The last sections, as many as hold so many events. */
function lastOf(sections: readonly CertainSection[], count: number): CertainSection[] {
  const sorted = sections.toSorted(inOrder)
  let from = sorted.length
  for (let events = 0; from > 0 && events < count; from--) events += sorted[from - 1]?.section.count ?? 0
  return sorted.slice(from)
}

function eventsIn(sections: readonly CertainSection[]): number {
  return sections.reduce((sum, { section }) => sum + section.count, 0)
}

/** By time; within a shard times never go back, so that its sequence stands in order too. */
function inOrder({ section: a }: CertainSection, { section: b }: CertainSection): number {
  return a.atMs - b.atMs || a.shard - b.shard || a.firstSequence - b.firstSequence
}
