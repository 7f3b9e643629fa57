import { KafkaSink } from '../../src/events/kafka/kafka-sink.ts'
import { realTimers } from '../../src/seams.ts'
import { type BrokerUnderTest, eventSinkContract } from '../contract/event-sinks.ts'
import { KafkaServerProcess } from '../support/kafka-server.ts'
import { readTopic } from './topic-reader.ts'

const TOPIC = 'shop.events'

eventSinkContract({
  name: 'a topic of Kafka',
  needs: ['kafka'],
  start: async (): Promise<BrokerUnderTest> => {
    const server = await KafkaServerProcess.start()
    const seeds = [{ host: '127.0.0.1', port: server.port }]
    const access = { seeds, tls: false, username: undefined, password: undefined }
    return {
      sink: () => new KafkaSink({ access, mechanism: 'plain', topic: TOPIC, timers: realTimers }),
      told: async () => (await readTopic(server, TOPIC)).map(({ event }) => event),
      kill: () => server.kill(),
      restart: () => server.restart(),
      close: () => server.close(),
    }
  },
})
