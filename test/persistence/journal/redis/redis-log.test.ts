/** The journal in Redis, on real servers: what every journal does, and what only this one must survive. */
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { ShardId } from '../../../../src/domain/ids.ts'
import { JournalFenced } from '../../../../src/persistence/journal/redis/redis-log.ts'
import { append, gather, journalContract, onHandOf } from '../../../contract/journals.ts'
import { JournalInRedis, type JournalInRedisOptions } from '../../../support/journal-in-redis.ts'
import { RedisServerProcess } from '../../../support/redis-server.ts'
import { suite } from '../../../support/suite.ts'

const NEEDS = { needs: ['redis-server'], limitMs: 60_000 }

let shared: Promise<RedisServerProcess> | undefined

async function emptyServer(): Promise<RedisServerProcess> {
  shared ??= RedisServerProcess.start()
  const server = await shared
  const client = server.client()
  await client.flushall()
  client.disconnect()
  return server
}

async function within(
  use: (journal: JournalInRedis, server: RedisServerProcess) => Promise<void>,
  options: Partial<JournalInRedisOptions> = {},
): Promise<void> {
  const server = await emptyServer()
  const journal = new JournalInRedis({ url: server.url, ...options })
  try {
    await use(journal, server)
  } finally {
    await journal.close()
  }
}

journalContract('a stream in Redis', NEEDS, async ({ segmentBytes }) => {
  return new JournalInRedis({ url: (await emptyServer()).url, segmentBytes })
})

const fence = suite('the fence', NEEDS)

fence('an owner that was superseded appends nothing more, and hears that it was', () =>
  within(async (journal) => {
    const old = await journal.open()
    await append(old, 1, 1)
    const young = await journal.open()
    gather(old, 2, 1)
    old.writer.flush()
    await append(young, 2, 5)
    while (old.failures.length === 0) await pause(1)
    assert.instance(old.failures[0], JournalFenced)
    assert.is(onHandOf(await journal.recovered()), 6)
    await young.writer.close()
  }),
)

fence('of two that recovered the same end one opens, though they drew the same epoch', () =>
  within(async (journal) => {
    const end = await journal.end()
    const opened = await Promise.allSettled([journal.open({ end }), journal.open({ end })])
    assert.equal(opened.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const failed = opened.find((one) => one.status === 'rejected')
    assert.instance(failed?.reason, JournalFenced)
    for (const one of opened) if (one.status === 'fulfilled') await one.value.writer.close()
  }),
)

fence('a journal that is gone while its head is there takes nothing', () =>
  within(async (journal, server) => {
    const opened = await journal.open()
    await append(opened, 1, 1)
    const client = server.client()
    await client.del('holdfast:{s0}:journal')
    client.disconnect()
    gather(opened, 2, 1)
    opened.writer.flush()
    while (opened.failures.length === 0) await pause(1)
    assert.match(String(opened.failures[0]), /the journal is gone/)
  }),
)

fence.run()

const outage = suite('a Redis that is away', NEEDS)

outage('and comes back: what was being appended is there once, and its owner goes on (R2)', () =>
  within(async (journal, server) => {
    const opened = await journal.open()
    await append(opened, 1, 2)
    await server.kill()
    gather(opened, 3, 2)
    opened.writer.flush()
    await pause(300)
    assert.is(opened.writer.durableOrdinal, 2, 'nothing is durable while nobody says so')
    await server.restart()
    await append(opened, 5, 1)
    assert.equal(opened.failures, [])
    opened.kill()
    assert.is(onHandOf(await journal.recovered()), 5)
  }),
)

outage('in the middle of many frames, again and again: no frame is lost and none is there twice', () =>
  within(async (journal, server) => {
    const opened = await journal.open()
    let next = 1
    let isDone = false
    const writing = (async () => {
      while (!isDone) {
        await append(opened, next, 3)
        next += 3
      }
    })()
    for (let kill = 0; kill < 5; kill++) {
      await pause(150)
      await server.kill()
      await server.restart()
    }
    isDone = true
    await writing
    opened.kill()
    assert.ok(next > 10, `${next}`)
    assert.is(onHandOf(await journal.recovered()), next - 1)
  }),
)

outage('that has no memory left takes nothing, says so, and goes on when it has (FAULTS.md, 71)', () =>
  within(async (journal, server) => {
    const opened = await journal.open()
    const client = server.client()
    await client.config('SET', 'maxmemory', '1mb')
    gather(opened, 1, 1)
    opened.writer.flush()
    while (opened.writer.room !== 'none') await pause(1)
    assert.match(String(journal.storage[0]), /OOM/)
    assert.is(opened.writer.durableOrdinal, 1)
    await client.config('SET', 'maxmemory', '0')
    client.disconnect()
    await append(opened, 2, 1)
    assert.is(opened.writer.room, 'all')
    assert.is(journal.storage.at(-1), undefined)
    await opened.writer.close()
  }),
)

outage.after(async () => {
  await (await shared)?.close()
})
outage.run()

const mirrored = suite('a mirror', NEEDS)
let own: RedisServerProcess
mirrored.before(async () => {
  own = await RedisServerProcess.start()
})
mirrored.after(() => own.close())

mirrored('that was away goes on where it was', async () => {
  const journal = new JournalInRedis({ url: own.url, shard: 1 as ShardId, segmentBytes: 64 * 1_024 })
  const opened = await journal.open()
  for (let first = 1; first <= 301; first += 30) {
    await append(opened, first, 30, 'r'.repeat(400))
    if (first % 60 === 1) await journal.restartMirror()
  }
  assert.is((await journal.recovered()).nextSequence, 331)
  assert.ok(journal.rolls.length >= 2)
  await opened.writer.close()
  await journal.close()
})

mirrored('says that Redis lost what was durable (FAULTS.md, 70)', async () => {
  const journal = new JournalInRedis({ url: own.url, shard: 2 as ShardId })
  const opened = await journal.open()
  for (let sequence = 1; sequence <= 5; sequence++) await append(opened, sequence, 1)
  opened.kill()
  const { head } = await journal.end()
  const client = own.client()
  // As an AOF without its end would have left it.
  const [lastButTwo] = (await client.xrevrange('holdfast:{s2}:journal', '+', '-', 'COUNT', 3)).slice(-1)
  const before = `${head.place.epoch}-${head.place.ordinal - 3}`
  for (const [id] of await client.xrange('holdfast:{s2}:journal', `(${before}`, '+'))
    await client.xdel('holdfast:{s2}:journal', id)
  await client.hset('holdfast:{s2}:head', { id: before, link: '0'.repeat(32) })
  assert.ok(lastButTwo)
  let why = ''
  await journal.end().catch((error: Error) => {
    why = error.message
  })
  assert.match(why, /Redis lost what it had acknowledged/)
  client.disconnect()
  await journal.close()
})

mirrored.run()
