/** What others are to be told of, from a position on: the journal's events and the outbox's, each in their order. */
import { eventsReadBytes } from '../limits/events.ts'
import { JournalTailer } from '../persistence/journal/journal-tailer.ts'
import type { JournalPlace } from '../persistence/journal/stream-follower.ts'
import type { AnswerOf, ArgsOf } from '../persistence/tables/operations.ts'
import { outboxPageMax } from '../persistence/tables/outbox.ts'
import type { Clock } from '../seams.ts'
import { eventOfOutbox, eventsOfSection, type OutgoingEvent, outgoing } from './cloud-event.ts'
import type { RelayPosition } from './relay-position.ts'

/** The outbox, in a file at hand or on a server. */
export type OutboxReader = {
  read(
    name: 'outbox.after',
    args: ArgsOf<'outbox.after'>,
  ): AnswerOf<'outbox.after'> | Promise<AnswerOf<'outbox.after'>>
}

export type EventFeedParts = {
  readonly place: JournalPlace
  readonly shards: number
  /** Undefined where the outbox is not that of all nodes, and so nobody's to be told of. */
  readonly outbox: OutboxReader | undefined
  /** Of this deployment, as a URI reference. */
  readonly source: string
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export type Taken = {
  readonly events: readonly OutgoingEvent[]
  /** All up to here was taken. */
  readonly position: RelayPosition
  /** Whether anything was read, be it something that nobody is told of. */
  readonly isMoved: boolean
  readonly hasMore: boolean
}

const LOOK_MS = 1_000

export class EventFeed {
  readonly #parts: EventFeedParts
  readonly #tailer: JournalTailer
  #outboxId: number
  #lookAtMs = 0

  /** Without a position it begins with the oldest events that are here. Throws what reading the journal does. */
  constructor(parts: EventFeedParts, position: RelayPosition | undefined) {
    const { place, shards } = parts
    this.#parts = parts
    this.#outboxId = position?.outboxId ?? 0
    this.#tailer =
      position === undefined
        ? JournalTailer.atOldest(place, { shards })
        : JournalTailer.behind(place, { shards, checkpoints: position.shards })
  }

  /** Events of the journal that are known to be there and were not taken; there may be more. */
  get behindBy(): number {
    return this.#tailer.behindBy
  }

  /** Rejects with what reading the journal or the tables does; what was taken before it is then for another feed. */
  async take(): Promise<Taken> {
    const { outbox, source, clock } = this.#parts
    const told = (await outbox?.read('outbox.after', { id: this.#outboxId, limit: outboxPageMax })) ?? []
    const nowMs = clock.monotonicMs()
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + LOOK_MS
      this.#tailer.look()
    }
    const { sections, isAtEnd } = this.#tailer.read(eventsReadBytes)
    this.#outboxId = told.at(-1)?.id ?? this.#outboxId
    const events: OutgoingEvent[] = []
    for (const section of sections)
      for (const event of eventsOfSection(source, section)) events.push(outgoing(event))
    for (const event of told) events.push(outgoing(eventOfOutbox(source, event)))
    return {
      events,
      position: { outboxId: this.#outboxId, shards: copyOf(this.#tailer.checkpoints) },
      isMoved: sections.length > 0 || told.length > 0,
      hasMore: !isAtEnd || told.length === outboxPageMax,
    }
  }

  close(): void {
    this.#tailer.close()
  }
}

/** Those of a tailer move on. */
function copyOf(checkpoints: RelayPosition['shards']): RelayPosition['shards'] {
  return new Map(
    [...checkpoints].map(([shard, { sequence, epoch, link }]) => [shard, { sequence, epoch, link }]),
  )
}
