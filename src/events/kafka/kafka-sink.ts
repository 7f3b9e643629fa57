/**
 * A topic of Kafka. Events go to the partition of their key, from an idempotent producer that waits for all replicas that are
 * in sync; the position goes to a compacted topic beside it, once they are there. So what was told and whose position was not
 * kept is told again, from another producer, under the same ids. A number of the position's topic that is not the next one
 * says that somebody else has told meanwhile, or that the topic has gone back.
 */
import {
  Admin,
  type BaseOptions,
  Consumer,
  compatibilityPartitioner,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import type { BrokerAccess, SaslMechanism } from '../../config/broker-url.ts'
import { eventsCallMs, eventsCloseMs, eventsConnectMs } from '../../limits/events.ts'
import { nameOf } from '../../redis-url.ts'
import type { Timers } from '../../seams.ts'
import type { OutgoingEvent } from '../cloud-event.ts'
import { BrokerUnavailable, type EventSink, PositionMoved } from '../event-sink.ts'
import { positionText, type RelayPosition, readRelayPosition } from '../relay-position.ts'

export type KafkaSinkOptions = {
  readonly access: BrokerAccess
  readonly mechanism: SaslMechanism
  readonly topic: string
  readonly timers: Timers
}

type Clients = {
  readonly admin: Admin
  readonly producer: Producer<string, string, string, string>
  readonly reader: Consumer<string, string, string, string>
}

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const
/** As the broker is set up. */
const AS_SET_UP = -1
const LATEST = -1n
const KEY = 'position'
const POSITION_BYTES_MAX = 1_048_576
/** More than one: with fewer the client goes on for ever. */
const RETRIES = 2
const RETRY_MS = 200

export class KafkaSink implements EventSink {
  readonly #options: KafkaSinkOptions
  readonly #positions: string
  #clients: Clients | undefined
  /** Of the position that is written next. */
  #nextOffset = 0n

  constructor(options: KafkaSinkOptions) {
    this.#options = options
    this.#positions = positionTopicOf(options.topic)
  }

  async open(): Promise<RelayPosition | undefined> {
    await this.close()
    this.#clients = connect(this.#options)
    return await this.#call(async (clients) => {
      await this.#makeTopics(clients)
      this.#nextOffset = await this.#latestOffset(clients)
      const text = this.#nextOffset === 0n ? undefined : await this.#readPosition(clients)
      return text === undefined ? undefined : readRelayPosition(text)
    })
  }

  async tell(events: readonly OutgoingEvent[], position: RelayPosition | undefined): Promise<void> {
    const { topic } = this.#options
    await this.#call(async (clients) => {
      if (events.length > 0)
        await clients.producer.send({
          messages: events.map(({ key, json }) => ({ topic, key, value: json })),
        })
      if (position !== undefined) return await this.#keep(clients, positionText(position))
      if (events.length === 0) this.#expect(await this.#latestOffset(clients))
    })
  }

  async close(): Promise<void> {
    const clients = this.#clients
    this.#clients = undefined
    if (clients === undefined) return
    const { producer, admin, reader } = clients
    const closing = Promise.allSettled([producer.close(true), admin.close(), reader.close(true)])
    // What does not end in time ends with its connection, and nobody waits for it.
    await this.#within(eventsCloseMs, closing).catch(() => {})
  }

  async #keep({ producer }: Clients, value: string): Promise<void> {
    const message = { topic: this.#positions, partition: 0, key: KEY, value }
    const { offsets } = await producer.send({ messages: [message] })
    this.#expect(offsets?.[0]?.offset ?? this.#nextOffset)
    this.#nextOffset += 1n
  }

  #expect(offset: bigint): void {
    if (offset !== this.#nextOffset)
      throw new PositionMoved(`Kafka is at position ${offset}, and ${this.#nextOffset} was expected`)
  }

  async #makeTopics({ admin }: Clients): Promise<void> {
    const wanted = [this.#options.topic, this.#positions]
    const known = new Set(await admin.listTopics())
    const asSetUp = { partitions: AS_SET_UP, replicas: AS_SET_UP }
    for (const name of wanted.filter((topic) => !known.has(topic))) {
      const isPositions = name === this.#positions
      const compacted = { partitions: 1, configs: [{ name: 'cleanup.policy', value: 'compact' }] }
      await admin.createTopics({ topics: [name], ...asSetUp, ...(isPositions && compacted) })
    }
  }

  async #latestOffset({ admin }: Clients): Promise<bigint> {
    const partitions = [{ partitionIndex: 0, timestamp: LATEST }]
    const [listed] = await admin.listOffsets({ topics: [{ name: this.#positions, partitions }] })
    const offset = listed?.partitions[0]?.offset
    if (offset === undefined) throw new BrokerUnavailable(`${this.#positions} has no end`)
    return offset
  }

  /** The newest one. */
  async #readPosition({ reader }: Clients): Promise<string | undefined> {
    const { topics } = await reader.metadata({ topics: [this.#positions] })
    const found = topics.get(this.#positions)
    const place = found?.partitions[0]
    if (found === undefined || place === undefined)
      throw new BrokerUnavailable(`${this.#positions} is led by nobody`)
    const partition = {
      partition: 0,
      currentLeaderEpoch: place.leaderEpoch,
      lastFetchedEpoch: -1,
      fetchOffset: this.#nextOffset - 1n,
      partitionMaxBytes: POSITION_BYTES_MAX,
    }
    const { responses } = await reader.fetch({
      node: place.leader,
      topics: [{ topicId: found.id, partitions: [partition] }],
      maxBytes: POSITION_BYTES_MAX,
      minBytes: 1,
      maxWaitTime: RETRY_MS,
    })
    const batches = responses[0]?.partitions[0]?.records ?? []
    const value = batches.at(-1)?.records.at(-1)?.value
    if (value == null) throw new BrokerUnavailable(`the end of ${this.#positions} could not be read`)
    return value.toString()
  }

  /** Whatever goes wrong, its outcome is unknown, and whoever goes on does so with other connections. */
  async #call<T>(ask: (clients: Clients) => Promise<T>): Promise<T> {
    const clients = this.#clients
    if (clients === undefined) throw new BrokerUnavailable('there is no connection to Kafka')
    try {
      return await this.#within(eventsCallMs, ask(clients))
    } catch (error) {
      if (error instanceof PositionMoved || error instanceof BrokerUnavailable) throw error
      throw new BrokerUnavailable(messageOf(error), { cause: error })
    }
  }

  #within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.timers.after(ms, () => {
        reject(new BrokerUnavailable(`Kafka did not answer within ${ms} ms`))
      })
      void answer.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

/** Beside the topic of the events. */
export function positionTopicOf(topic: string): string {
  return `${topic}.position`
}

function connect({ access, mechanism }: KafkaSinkOptions): Clients {
  const { seeds, tls, username, password } = access
  const options: BaseOptions = {
    clientId: 'holdfast',
    bootstrapBrokers: seeds.map(nameOf),
    retries: RETRIES,
    retryDelay: RETRY_MS,
    connectTimeout: eventsConnectMs,
    requestTimeout: eventsCallMs,
    timeout: eventsCallMs,
    ...(tls ? { tls: {} } : {}),
    ...(username === undefined || password === undefined
      ? {}
      : { sasl: { mechanism: MECHANISMS[mechanism], username, password } }),
  }
  const groupId = 'holdfast-relay'
  return {
    admin: new Admin(options),
    producer: new Producer({
      ...options,
      idempotent: true,
      serializers: stringSerializers,
      // As every other client of Kafka places keys.
      partitioner: (message, key) => compatibilityPartitioner(message, key),
    }),
    // It reads one record, and joins no group.
    reader: new Consumer({ ...options, groupId, deserializers: stringDeserializers }),
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}
