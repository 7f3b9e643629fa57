/** 100,000 events through a broker that is killed five times, by a server that is killed twice: none lost, each key in order. */
import { KafkaServerProcess } from '../support/kafka-server.ts'
import { LongFigure } from '../support/long-figure.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'
import { runTrial, type Trial, type TrialBroker } from './broker-trial.ts'
import { readStream } from './stream-reader.ts'
import { readTopic } from './topic-reader.ts'

const NAME = 'shop-events'
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const trial: Trial = {
  seed,
  events: Number(process.env.TEST_EVENTS ?? 100_000),
  brokerKills: 5,
  nodeKills: 2,
}

const test = suite('100,000 events through a broker that is killed five times', { limitMs: 1_800_000 })

async function measure(name: string, broker: TrialBroker): Promise<void> {
  const figure = new LongFigure(`events-${name}`)
  const result = await runTrial(broker, trial, figure)
  figure.end({
    command: `TEST_SEED=${seed} npm run test:long -- --grep ${name} test/events/broker-kills.long.ts`,
    ...trial,
    ...result,
  })
  note(`${name}: ${result.events} events, 0 lost, ${result.repeated} told twice, seed ${seed}`)
}

test(
  'are all in a stream of redis',
  async () => {
    const redis = await RedisServerProcess.start()
    try {
      await measure('redis', {
        url: `${redis.url}/${NAME}`,
        kill: () => redis.kill(),
        restart: () => redis.restart(),
        told: () => readStream(redis.client(), NAME),
      })
    } finally {
      await redis.close()
    }
  },
  { needs: ['redis-server'] },
)

test(
  'are all in a topic of kafka',
  async () => {
    const kafka = await KafkaServerProcess.start()
    try {
      await measure('kafka', {
        url: `${kafka.url}/${NAME}`,
        kill: () => kafka.kill(),
        restart: () => kafka.restart(),
        told: async () => (await readTopic(kafka, NAME)).map(({ event }) => event),
      })
    } finally {
      await kafka.close()
    }
  },
  { needs: ['kafka'] },
)

test.run()
