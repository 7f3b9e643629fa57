/**
 * `npm run move` dies at each named place, at passes drawn by a seed: what it leaves is a source and a target on which nothing
 * starts, and the same command goes on to the same hashes. What somebody does to source or target meanwhile is noticed.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Redis } from 'ioredis'
import * as assert from 'uvu/assert'
import { moveCrashPoints } from '../../src/crash-points.ts'
import { dataPaths } from '../../src/persistence/directory.ts'
import { claimAlone } from '../../src/persistence/moved.ts'
import { readMark } from '../../src/persistence/tables/moved-mark.ts'
import { command } from '../support/commands.ts'
import { Dice } from '../support/dice.ts'
import { LongFigure } from '../support/long-figure.ts'
import { aloneWith, amongOthers, MovedShop, move, moved } from '../support/moving.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { pause, Site } from '../support/server-process.ts'
import { makeTemplate } from '../support/shop-crash.ts'
import { suite } from '../support/suite.ts'

const seed = Number(process.env.TEST_SEED ?? 20_261_129)
const COMMAND = `TEST_SEED=${seed} node test/support/run.ts --long test/cli/move-kills.long.ts`
type MovePoint = (typeof moveCrashPoints)[number]
const META = 'holdfast:{cluster}:meta'
/** Beyond the first pass, where there are many. */
const PASSES_MAX: Readonly<Record<string, number>> = {
  'move.midSplit': 60,
  'move.midFetch': 40,
  'move.midTables': 8,
}

const test = suite('a move that is killed', { needs: ['redis-server', 'postgres'], limitMs: 900_000 })
const figure = new LongFigure('move-kills')
const dice = new Dice(seed)
let redis: RedisServerProcess
let client: Redis
let template: Site
let nodes: Readonly<Record<string, string>>
let hashes: readonly string[]
let kills = 0

test.before(async () => {
  redis = await RedisServerProcess.start()
  client = redis.client()
  nodes = amongOthers(redis.url)
  template = new Site()
  const server = await template.start({ environment: aloneWith })
  await new MovedShop().sell(server)
  await server.kill()
  hashes = await hashesOf(template)
})
test.after(async () => {
  await template[Symbol.asyncDispose]()
  await redis.close()
})

async function hashesOf(site: Site): Promise<readonly string[]> {
  const { code, out, err } = await command('journal', ['replay', '--json', '--data', site.directory])
  assert.is(code, 0, out + err)
  return (JSON.parse(out).shards as { readonly stateHash: string }[]).map(({ stateHash }) => stateHash)
}

/** By a ledger that shares no rule with the engine. */
async function verified(site: Site, environment: typeof nodes): Promise<void> {
  const { code, out, err } = await command('journal', ['verify', '--data', site.directory], environment)
  assert.is(code, 0, out + err)
}

const hashesIn = (lines: readonly string[]) => lines.map((line) => /[0-9a-f]{64}/.exec(line)?.[0])

async function die(
  site: Site,
  args: readonly string[],
  point: string,
  environment: typeof nodes,
): Promise<void> {
  const pass = dice.between(1, PASSES_MAX[point] ?? 1)
  figure.say(`${point}, pass ${pass}`)
  const died = await move(site.directory, args, { ...environment, CRASH_POINT: `${point}:${pass}` })
  assert.is(died.code, null, `nothing came to ${point}:${pass}: ${died.out}${died.err}`)
  kills += 1
}

/** Neither a single server on the directory, nor a node on Redis. */
async function expectNoStart(site: Site): Promise<void> {
  assert.throws(() => claimAlone(dataPaths(site.directory)), /--reopen|goes on/)
  await expectClosed()
}

/** Of a node with a directory of its own. */
async function expectRefused(why: RegExp): Promise<void> {
  await using fresh = new Site()
  const node = await fresh.start({ environment: nodes, until: 'spawned' })
  assert.is((await node.exited).code, 1)
  assert.match(node.output, why)
}

async function expectClosed(): Promise<void> {
  const keys = await client.keys('holdfast:*')
  if (keys.length > 0) assert.ok((await client.hget(META, 'why')) !== null, keys.join())
}

const pointsFrom = (first: MovePoint, last: MovePoint) =>
  moveCrashPoints.slice(moveCrashPoints.indexOf(first), moveCrashPoints.indexOf(last) + 1)

for (const point of pointsFrom('move.midSplit', 'move.beforeOpen')) {
  test(`to Redis, at ${point}`, async () => {
    await client.flushall()
    await using site = Site.copyOf(template)
    await die(site, ['--to', 'redis'], point, nodes)
    await expectNoStart(site)
    const lines = await moved(site.directory, ['--to', 'redis'], nodes)
    if (point !== 'move.beforeOpen') assert.equal(hashesIn(lines), hashes)
    assert.is(await client.hget(META, 'why'), null)
    await verified(site, nodes)
    assert.throws(() => claimAlone(dataPaths(site.directory)), /set REDIS_URL/)
  })
}

for (const point of pointsFrom('move.midFetch', 'move.beforeDone')) {
  test(`to files, at ${point}`, async () => {
    // A directory of its own has no copy yet, and so something to fetch.
    await using site = new Site()
    await die(site, ['--to', 'files'], point, nodes)
    await expectNoStart(site)
    await moved(site.directory, ['--to', 'files'], nodes)
    assert.equal(await hashesOf(site), hashes)
    await verified(site, {})
    claimAlone(dataPaths(site.directory))
    await expectClosed()
    if (point === 'move.beforeDone') await expectRefused(/was moved into .* --reopen redis/)
    const asked = await move(site.directory, ['--reopen', 'redis'], nodes)
    assert.is(asked.code, 3)
    assert.match(asked.err, /would be sold again/)
    await moved(site.directory, ['--reopen', 'redis', '--yes'], nodes)
    assert.is(await client.hget(META, 'why'), null)
  })
}

test('a frame that is gone from Redis is noticed, and one that came too', async () => {
  await client.flushall()
  await using site = Site.copyOf(template)
  await die(site, ['--to', 'redis'], 'move.beforeLeft', nodes)
  const journal = 'holdfast:{s0}:journal'
  const [, second] = await client.xrange(journal, '-', '+', 'COUNT', 2)
  assert.ok(second !== undefined)
  await client.xdel(journal, second[0])
  const lost = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(lost.code, 3)
  assert.match(lost.err, /is not in Redis as it is/)
  await expectClosed()
  await client.flushall()
  await moved(site.directory, ['--to', 'redis'], nodes)
  await client.hset(META, 'closed', 'filling', 'why', 'again')
  await client.xadd(journal, '99999999-1', 'f', 'x')
  const more = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(more.code, 0, 'what had left only opens Redis')
})

test('what has left goes into no other Redis, and opens none that somebody else fills', async () => {
  await client.flushall()
  await using site = Site.copyOf(template)
  await moved(site.directory, ['--to', 'redis'], nodes)
  rmSync(join(site.directory, 'mirror'), { recursive: true })
  const others = { shards: aloneWith.SHARDS, data: 'f'.repeat(32), closed: 'filling', why: 'of another move' }
  for (const meta of [undefined, others]) {
    await client.flushall()
    if (meta !== undefined) await client.hset(META, meta)
    const { code, err } = await move(site.directory, ['--to', 'redis'], nodes)
    assert.is(code, 3)
    assert.match(err, /this is not what is in Redis/)
    assert.is(await client.hget(META, 'why'), meta?.why ?? null)
  }
})

test('a Redis that goes away in the midst of it is told of, and it goes on', async () => {
  await client.flushall()
  await using site = Site.copyOf(template)
  await die(site, ['--to', 'redis'], 'move.beforeClose', nodes)
  const going = move(site.directory, ['--to', 'redis'], nodes)
  while ((await client.hget(META, 'closed')) === null) await pause(0)
  await redis.kill()
  const { code, err } = await going
  await redis.restart()
  assert.is(code, 3, err)
  assert.match(err, /goes on|cannot be used/)
  assert.equal(hashesIn(await moved(site.directory, ['--to', 'redis'], nodes)), hashes)
})

test('a damaged source is refused, stays what it was, and leaves nothing in Redis', async () => {
  await client.flushall()
  await using site = Site.copyOf(template)
  const [segment] = readdirSync(join(site.directory, 'journal')).filter((name) => name.endsWith('.segment'))
  const path = join(site.directory, 'journal', String(segment))
  const bytes = readFileSync(path)
  bytes[300] = (bytes[300] ?? 0) ^ 4
  writeFileSync(path, bytes)
  const { code, err } = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(code, 1, err)
  assert.match(err, /damaged: .*segment/)
  assert.equal(await client.keys('*'), [])
  claimAlone(dataPaths(site.directory))
})

test('a Redis that lost everything is filled from a mirror, and the tables are marked', async () => {
  await client.flushall()
  await using site = Site.copyOf(template)
  await moved(site.directory, ['--to', 'redis'], nodes)
  const node = await site.start({ environment: nodes })
  const { body: before } = await node.request('GET', '/v1/products/phone/stock')
  await node.stop()
  await client.flushall()
  for (const point of ['move.midCopy', 'move.beforeHead', 'move.beforeOpen']) {
    await die(site, ['--to', 'redis'], point, nodes)
    await expectClosed()
  }
  const { code, out, err } = await move(site.directory, ['--to', 'redis'], nodes)
  assert.is(code, 0, out + err)
  assert.match(out, /Nothing is sold until it is reconciled/)
  const again = await site.start({ environment: nodes, until: 'started' })
  await again.until(async () => {
    const { status, body } = await again.request('GET', '/v1/products/phone/stock')
    return (
      status === 200 &&
      body.onHand === before.onHand &&
      body.held === before.held &&
      body.version === before.version
    )
  }, 'its stock is what it was')
  await again.stop()
})

test('the tables, at each of their places', async () => {
  const postgres = await PostgresServerProcess.start()
  const { site: shop } = await makeTemplate()
  try {
    for (const point of pointsFrom('move.midTables', 'move.beforeTablesDone')) {
      await using site = Site.copyOf(shop)
      const environment = { DATABASE_URL: await postgres.newDatabase() }
      const name = new URL(environment.DATABASE_URL).pathname.slice(1)
      for (const to of ['postgres', 'sqlite']) {
        await die(site, ['--tables', to], point, environment)
        const database = new Database(join(site.directory, 'tables.sqlite'), { readonly: true })
        const marks = [
          readMark(database)?.state,
          (await postgres.ask(name, 'SELECT state FROM moved'))[0]?.state,
        ]
        database.close()
        if (to === 'sqlite') marks.reverse()
        assert.equal(
          marks,
          [point === 'move.beforeTablesDone' ? 'left' : 'leaving', 'arriving'],
          `${to}, ${point}`,
        )
        const { code, out, err } = await move(site.directory, ['--tables', to], environment)
        assert.is(code, 0, out + err)
      }
      const server = await site.start()
      assert.is((await server.request('GET', '/v1/products/phone')).status, 200)
      await server.stop()
    }
    figure.end({ command: COMMAND, seed, kills })
  } finally {
    await shop[Symbol.asyncDispose]()
    await postgres.stop()
  }
})

test.run()
