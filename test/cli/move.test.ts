/** `npm run move` with real servers and a real Redis: there, back, and what it refuses. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { dataPaths } from '../../src/persistence/directory.ts'
import { claimAlone } from '../../src/persistence/moved.ts'
import { aloneWith, amongOthers, MovedShop, move, moved } from '../support/moving.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const test = suite('npm run move', { needs: ['redis-server'], limitMs: 120_000 })

let redis: RedisServerProcess

test.before(async () => {
  redis = await RedisServerProcess.start()
})
test.after(() => redis.close())

test('takes all of it to Redis and back, servers tell the same, and none starts on what was left', async () => {
  await using site = new Site()
  const shop = new MovedShop()
  const nodes = amongOthers(redis.url)
  const alone = await site.start({ environment: aloneWith })
  await shop.sell(alone)
  const before = await shop.told(alone)
  await alone.stop()

  const there = await moved(site.directory, ['--to', 'redis'], nodes)
  assert.throws(() => claimAlone(dataPaths(site.directory)), /was moved to Redis at .* set REDIS_URL/)
  const node = await site.start({ environment: nodes })
  assert.equal(await shop.told(node), before)
  await shop.sell(node)
  const later = await shop.told(node)
  const early = await move(site.directory, ['--to', 'files', '--data', join(site.directory, 'new')], nodes)
  assert.is(early.code, 3)
  assert.match(early.err, /1 node of Redis .* run/)
  await node.stop()

  const back = await moved(site.directory, ['--to', 'files'], nodes)
  assert.is(there.length, back.length)
  const again = await site.start({ environment: aloneWith })
  assert.equal(await shop.told(again), later)
  await again.stop()

  const full = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(full.code, 3)
  assert.match(full.err, /holds a journal that was moved away already/)
})

test('refuses a wrong command line, a foreign directory, and an empty Redis', async () => {
  await using site = new Site()
  const nodes = amongOthers(redis.url)
  mkdirSync(site.directory, { recursive: true })
  writeFileSync(join(site.directory, 'notes.txt'), 'mine')
  const wrong: readonly (readonly [args: readonly string[], environment: typeof nodes, why: RegExp])[] = [
    [['--to', 'cloud'], nodes, /There are redis, files/],
    [['--to', 'redis'], nodes, /notes\.txt|holdfast\.json|no journal/],
  ]
  await Promise.all(
    wrong.map(async ([args, environment, why]) => {
      const { code, err } = await move(site.directory, args, environment)
      assert.is(code, 3, args.join(' '))
      assert.match(err, why)
    }),
  )
})

test.run()
