/**
 * What happened as a CloudEvent 1.0, structured as JSON.
 *
 * Its id is a function of where it stands, so that the same event has the same id however often it is told: shard, sequence
 * and epoch in the journal, the number in the outbox. The epoch is there since a repair that cuts events off gives their
 * sequences again, under a newer one.
 */
import { eventFields, timeText } from '../persistence/journal/event-fields.ts'
import { eventsOf } from '../persistence/journal/frame.ts'
import type { CertainSection } from '../persistence/journal/stream-follower.ts'
import { type OutboxEvent, outboxData, outboxEventId } from '../persistence/tables/outbox.ts'
import {
  type CloudEventType,
  isPublished,
  journalEventTypes,
  outboxEventType,
  type PublishedEvent,
} from './event-kinds.ts'

export type CloudEvent = {
  readonly specversion: '1.0'
  readonly id: string
  /** Where it stands: a shard's journal, or the outbox. Ids are unique within it, sequences go up. */
  readonly source: string
  readonly type: CloudEventType
  /** What it happened to, and what it is in order with. */
  readonly subject: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  /** Digits of one length: order as text is order. */
  readonly sequence: string
  readonly partitionkey: string
  readonly data: Readonly<Record<string, unknown>>
}

/** As a broker takes it. */
export type OutgoingEvent = { readonly key: string; readonly json: string }

/** Enough for all integers that are exact. */
const SEQUENCE_DIGITS = 16

/** What a section of the journal tells others of, in order. `source` is this deployment's. */
export function* eventsOfSection(source: string, { section, stream }: CertainSection): Generator<CloudEvent> {
  const { shard, firstSequence, atMs } = section
  const time = timeText(atMs)
  let sequence = firstSequence - 1
  for (const event of eventsOf(section)) {
    sequence += 1
    if (!isPublished(event)) continue
    yield envelope({
      id: `s${shard}.${sequence}.${stream.epoch}`,
      source: `${source}/shards/${shard}`,
      type: journalEventTypes[event.type],
      subject: subjectOf(event),
      time,
      sequence,
      data: eventFields(event),
    })
  }
}

export function eventOfOutbox(source: string, event: OutboxEvent): CloudEvent {
  return envelope({
    id: outboxEventId(event.id),
    source: `${source}/outbox`,
    type: outboxEventType(event.type),
    subject: event.subjectId,
    time: timeText(event.atMs),
    sequence: event.id,
    data: outboxData(event),
  })
}

/** What JSON.stringify makes of it, for less: of the envelope only the subject can need quoting. */
export function outgoing(event: CloudEvent): OutgoingEvent {
  const { id, source, type, time, sequence, partitionkey, data } = event
  const subject = JSON.stringify(event.subject)
  const key = partitionkey === event.subject ? subject : JSON.stringify(partitionkey)
  const json = `{"specversion":"1.0","id":"${id}","source":"${source}","type":"${type}","subject":${subject},"time":"${time}","datacontenttype":"application/json","sequence":"${sequence}","partitionkey":${key},"data":${JSON.stringify(data)}}`
  return { key: partitionkey, json }
}

/** A reservation of several products has events of its own beside those of each product. */
function subjectOf(event: PublishedEvent): string {
  return 'productId' in event ? event.productId : event.reservationId
}

function envelope(
  of: Pick<CloudEvent, 'id' | 'source' | 'type' | 'subject' | 'time' | 'data'> & {
    readonly sequence: number
  },
): CloudEvent {
  const { id, source, type, subject, time, sequence, data } = of
  return {
    specversion: '1.0',
    id,
    source,
    type,
    subject,
    time,
    datacontenttype: 'application/json',
    sequence: String(sequence).padStart(SEQUENCE_DIGITS, '0'),
    partitionkey: subject,
    data,
  }
}
