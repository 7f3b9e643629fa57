/** The consumer of docs/events.md for a Redis stream: each event has its effect once, whoever dies and whatever comes twice. */
import * as assert from 'uvu/assert'
import { Dice } from '../support/dice.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'
import { until } from '../support/until.ts'
import { assertOnce, hasHandled, Recipe, salesOf } from './recipe.ts'

const STREAM = 'shop-events'
const GROUP = 'counting'
const EVENTS = 240
const KILLS = 4
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const test = suite('the recipe for a Redis stream', { needs: ['redis-server'], limitMs: 60_000 })

test('counts each sale once, killed in the middle of it, told twice, and without its Redis for a while', async () => {
  const redis = await RedisServerProcess.start()
  try {
    const client = redis.client()
    const { told, once } = salesOf(EVENTS, seed)
    const dice = new Dice(seed)
    await using recipe = new Recipe('from-redis.ts', [redis.url, STREAM, GROUP])
    const pipeline = client.pipeline()
    for (const event of told) pipeline.xadd(STREAM, '*', 'event', JSON.stringify(event))
    await pipeline.exec()
    let due = 1
    for (let kill = 0; kill < KILLS; kill++) {
      await until(() => hasHandled(recipe, due), `${due} are handled`)
      await recipe.kill()
      due = Math.min(recipe.handled + dice.between(1, EVENTS / (KILLS + 1)), EVENTS)
      if (kill === 1) await redis.kill()
      if (kill === 1) await redis.restart()
      recipe.start()
    }
    await until(async () => {
      const [group] = (await client.xinfo('GROUPS', STREAM)) as [unknown[]]
      const of = (name: string) => group[group.indexOf(name) + 1]
      return of('lag') === 0 && of('pending') === 0
    }, 'all is acknowledged')
    note(`seed ${seed}: ${told.length} told of ${EVENTS}, ${recipe.kills} kills`)
    assertOnce(recipe, once)
    assert.ok(told.length > EVENTS)
  } finally {
    await redis.close()
  }
})

test.run()
