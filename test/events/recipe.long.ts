/** The consumer of docs/events.md for Kafka, as recipe.test.ts has the one for a Redis stream. */
import { Producer, stringSerializers } from '@platformatic/kafka'
import { Dice } from '../support/dice.ts'
import { KafkaServerProcess } from '../support/kafka-server.ts'
import { LongFigure } from '../support/long-figure.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'
import { assertOnce, hasHandled, Recipe, salesOf } from './recipe.ts'

const TOPIC = 'shop.events'
const GROUP = 'counting'
const EVENTS = 2_000
const KILLS = 6
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const test = suite('the recipe for Kafka', { needs: ['kafka'], limitMs: 600_000 })

test('counts each sale once, killed in the middle of it, told twice, and without its broker for a while', async () => {
  const figure = new LongFigure('events-recipe-kafka')
  const kafka = await KafkaServerProcess.start()
  const bootstrapBrokers = [`127.0.0.1:${kafka.port}`]
  const producer = new Producer({ clientId: 'test', bootstrapBrokers, serializers: stringSerializers })
  try {
    const { told, once } = salesOf(EVENTS, seed)
    const messages = told.map((event) => ({
      topic: TOPIC,
      key: event.partitionkey,
      value: JSON.stringify(event),
    }))
    await producer.send({ messages, autocreateTopics: true })
    await producer.close()
    const dice = new Dice(seed)
    await using recipe = new Recipe('from-kafka.ts', [bootstrapBrokers[0] ?? '', TOPIC, GROUP])
    const isAt = (count: number) => {
      figure.progress(() => `waits for ${count} of ${EVENTS}`)
      return hasHandled(recipe, count)
    }
    let due = 1
    for (let kill = 0; kill < KILLS; kill++) {
      await until(() => isAt(due), `${due} are handled`, 60_000)
      await recipe.kill()
      figure.say(`kill ${kill + 1}: ${recipe.handled} of ${EVENTS} handled`)
      due = Math.min(recipe.handled + dice.between(1, EVENTS / (KILLS + 1)), EVENTS)
      if (kill === 1) await kafka.restart()
      recipe.start()
    }
    await until(() => isAt(EVENTS), 'all are handled', 60_000)
    // What was told twice may be behind the last that was new.
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    assertOnce(recipe, once)
    figure.end({
      command: `TEST_SEED=${seed} npm run test:long -- test/events/recipe.long.ts`,
      told: told.length,
      events: EVENTS,
      kills: recipe.kills,
      brokerKills: 1,
    })
  } finally {
    await kafka.close()
  }
})

test.run()
