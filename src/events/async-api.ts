/** The description of all events, as AsyncAPI 3: made of the schemas, so that it says what is told. */
import { z } from 'zod'
import type { OutboxEventType } from '../persistence/tables/outbox.ts'
import {
  type CloudEventType,
  journalEventTypes,
  outboxEventType,
  type PublishedEvent,
} from './event-kinds.ts'
import { type EventDescription, journalEvents, outboxEvents } from './event-schemas.ts'

const CHANNEL = 'events'
const SCHEMA_FORMAT = 'application/schema+json;version=draft-07'

const INTRODUCTION = `All that happens to stock, reservations, products, orders and payments, told to a Redis stream or a topic of Kafka
where \`EVENTS_URL\` names one. At least once: \`source\` and \`id\` together are one event, whatever comes twice. In order for
what has one \`partitionkey\`. Of a type with \`v1\` fields may come, and none goes or changes.`

export type AsyncApiDocument = {
  readonly asyncapi: '3.0.0'
  readonly components: { readonly messages: Readonly<Record<string, AsyncApiMessage>> }
  readonly [field: string]: unknown
}

export type AsyncApiMessage = {
  readonly name: CloudEventType
  readonly title: string
  readonly summary: string
  readonly contentType: 'application/cloudevents+json'
  readonly payload: { readonly schemaFormat: string; readonly schema: object }
}

export function asyncApiDocument(version: string): AsyncApiDocument {
  const messages = Object.fromEntries(described().map((message) => [message.name, message]))
  const names = Object.keys(messages)
  const refs = (path: string) => names.map((name) => ({ $ref: `#/${path}/messages/${name}` }))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Holdfast events',
      version,
      description: INTRODUCTION,
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: {
      [CHANNEL]: {
        // Where it is, whoever runs it says.
        address: null,
        title: 'The stream or topic that EVENTS_URL names',
        description:
          'A Redis stream, of which each entry has one field, `event`; or a topic of Kafka, of which each record has the `partitionkey` as its key.',
        messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      tellEvents: {
        action: 'send',
        channel: { $ref: `#/channels/${CHANNEL}` },
        summary: 'Holdfast tells, and reads nothing there.',
        messages: refs(`channels/${CHANNEL}`),
      },
    },
    components: { messages },
  }
}

function described(): AsyncApiMessage[] {
  const ofJournal = Object.entries(journalEvents).map(([type, description]) =>
    // The record has these keys and no others.
    messageOf(journalEventTypes[type as PublishedEvent['type']], description),
  )
  const ofOutbox = Object.entries(outboxEvents).map(([type, description]) =>
    messageOf(outboxEventType(type as OutboxEventType), description),
  )
  return [...ofJournal, ...ofOutbox]
}

function messageOf(name: CloudEventType, { title, summary, data }: EventDescription): AsyncApiMessage {
  const event = z.object({
    specversion: z.literal('1.0'),
    id: z.string().min(1),
    source: z.string().min(1).meta({ description: 'Where it stands: a shard’s journal, or the outbox.' }),
    type: z.literal(name),
    subject: z.string().min(1).meta({ description: 'What it happened to.' }),
    time: z.string().meta({ format: 'date-time' }),
    datacontenttype: z.literal('application/json'),
    sequence: z
      .string()
      .regex(/^[0-9]{16}$/)
      .meta({ description: 'Goes up within its source, with gaps; order as text is order.' }),
    partitionkey: z.string().min(1).meta({ description: 'What has the same comes in order.' }),
    data,
  })
  // As readers take it: what they do not know is no mistake.
  const schema = z.toJSONSchema(event, { target: 'draft-7', io: 'input' })
  return {
    name,
    title,
    summary,
    contentType: 'application/cloudevents+json',
    payload: { schemaFormat: SCHEMA_FORMAT, schema },
  }
}
