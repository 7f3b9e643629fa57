/** `npm run move` with real servers and a real Redis: there, back, and what it refuses. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
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

/** What a server says that is not to start there. */
async function refusal(site: Site, environment: Readonly<Record<string, string>>): Promise<string> {
  const server = await site.start({ environment, until: 'spawned' })
  assert.is((await server.exited).code, 1, server.output)
  return server.output
}

test('takes all of it to Redis and back, servers tell the same, and none starts on what was left', async () => {
  await using site = new Site()
  await using fresh = new Site()
  const shop = new MovedShop()
  const nodes = amongOthers(redis.url)
  const alone = await site.start({ environment: aloneWith })
  await shop.sell(alone)
  const before = await shop.told(alone)
  await alone.stop()

  const there = await moved(site.directory, ['--to', 'redis'], nodes)
  assert.match(await refusal(site, aloneWith), /was moved to Redis at .* set REDIS_URL/)
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
  assert.match(await refusal(fresh, nodes), /was moved into .* --reopen redis/)
  const again = await site.start({ environment: aloneWith })
  assert.equal(await shop.told(again), later)
  await again.stop()

  const full = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(full.code, 3)
  assert.match(full.err, /holds a journal that was moved away already/)
  const twice = await move(join(site.directory, '..', 'other'), ['--to', 'files'], nodes)
  assert.is(twice.code, 3)
  assert.match(twice.err, /was moved away before/)
})

test('refuses a wrong command line, a foreign directory, and an empty Redis', async () => {
  await using site = new Site()
  const nodes = amongOthers(redis.url)
  mkdirSync(site.directory, { recursive: true })
  writeFileSync(join(site.directory, 'notes.txt'), 'mine')
  const wrong: readonly (readonly [args: readonly string[], environment: typeof nodes, why: RegExp])[] = [
    [[], nodes, /takes --to redis/],
    [['--to', 'cloud'], nodes, /redis and files/],
    [['--to', 'redis'], aloneWith, /Set REDIS_URL/],
    [['--to', 'redis'], nodes, /holdfast\.json|no journal/],
    [['--reopen', 'files'], nodes, /was not moved/],
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
