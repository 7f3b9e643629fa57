/** All that a topic of Kafka holds, by partition, oldest first. */
import { randomUUID } from 'node:crypto'
import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
import type { CloudEvent } from '../../src/events/cloud-event.ts'
import type { KafkaServerProcess } from '../support/kafka-server.ts'

export type TopicRecord = { readonly partition: number; readonly offset: bigint; readonly event: CloudEvent }

/** Each partition's in order; between partitions there is none. */
export async function readTopic(server: KafkaServerProcess, topic: string): Promise<TopicRecord[]> {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: randomUUID(),
    bootstrapBrokers: [`127.0.0.1:${server.port}`],
    deserializers: stringDeserializers,
    autocommit: false,
  })
  try {
    const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? []
    const records: TopicRecord[] = []
    const due = ends.reduce((sum, end) => sum + Number(end), 0)
    if (due === 0) return records
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
    for await (const { partition, offset, value } of stream) {
      records.push({ partition, offset, event: JSON.parse(value) })
      if (records.length === due) break
    }
    await stream.close()
    return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset))
  } finally {
    await consumer.close(true)
  }
}
