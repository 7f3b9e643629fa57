/** The journal's commands where the journal is in Redis: on a directory of its own, which becomes a mirror. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { takeSnapshots } from '../../src/actors/snapshot-run.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { append, shard, shardsOfData } from '../contract/journals.ts'
import { FakeS3 } from '../support/fake-s3.ts'
import { JournalInRedis } from '../support/journal-in-redis.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'

const test = suite('the journal’s commands on Redis', { needs: ['redis-server'], limitMs: 60_000 })
const KIB = 1_024
const META = 'holdfast:{cluster}:meta'
const JOURNAL = 'holdfast:{s0}:journal'

let server: RedisServerProcess
let root: string

test.before(async () => {
  server = await RedisServerProcess.start()
  root = mkdtempSync(join(tmpdir(), 'holdfast-on-redis-'))
})
test.after(async () => {
  await server.close()
  rmSync(root, { recursive: true })
})

const run = (directory: string, ...args: readonly string[]) =>
  journal([...args, '--data', join(root, directory)], { REDIS_URL: server.url })

test('say that no node has begun there', async () => {
  const { code, err } = await run('early', 'stats')
  assert.is(code, 3)
  assert.match(err, /holds no journal/)
})

test('verify, replay, archive: what was archived goes from Redis, and nothing that is needed', async () => {
  const client = server.client()
  await client.hset(META, { shards: shardsOfData, data: 'data-1' })
  const written = new JournalInRedis({ url: server.url, segmentBytes: 64 * KIB })
  const opened = await written.open()
  for (let first = 1; first <= 1_200; first += 30) await append(opened, first, 30, 'r'.repeat(500))
  await opened.writer.close()
  await written.close()

  const verified = await run('a', 'verify', '--json')
  assert.is(verified.code, 0, verified.err + verified.out)
  assert.match(verified.err, /Copied [\d,]+ frames from Redis/)
  const replayed = await run('a', 'replay', '--json')
  assert.is(replayed.code, 0)
  assert.is(JSON.parse(replayed.out).events, 1_200)

  const mirror = join(root, 'a', 'mirror')
  const epoch = 1
  for (const segment of [6, 8]) {
    const settings = {
      stream: { epoch, worker: 0 },
      shards: [shard],
      shardsOfData,
      journalDirectory: join(mirror, 'journal'),
      snapshotDirectory: join(mirror, 'snapshots'),
      segmentBytes: 64 * KIB,
      returnDays: 60,
      heapMb: 64,
      acceptClock: false,
    }
    takeSnapshots(realDisk, { settings, segment, checks: [] }, () => {})
  }
  const entries = await client.xlen(JOURNAL)
  const s3 = await FakeS3.start()
  const toBucket = (...args: readonly string[]) =>
    journal([...args, '--data', join(root, 'a')], { REDIS_URL: server.url, ...s3.settings })
  s3.fault = { type: 'answer', status: 403, code: 'AccessDenied' }
  const refused = await toBucket('archive', '--to', 's3')
  assert.is(refused.code, 3, refused.out)
  assert.is(await client.xlen(JOURNAL), entries, 'Redis keeps what no archive has')
  s3.fault = undefined
  const moved = await toBucket('archive', '--to', 's3')
  assert.is(moved.code, 0, moved.err + moved.out)
  assert.match(moved.err, /went from Redis/)
  const left = await client.xlen(JOURNAL)
  assert.ok(left < entries && left > 1, `${left} of ${entries}`)
  const archive = join(root, 'archive')
  const fetched = await toBucket('fetch', '--from', 's3', '--to', archive)
  assert.is(fetched.code, 0, fetched.err)
  await s3.stop()
  const again = await run('a', 'verify', '--archive', archive)
  assert.is(again.code, 0, again.err + again.out)

  const late = await run('late', 'verify')
  assert.is(late.code, 1)
  assert.match(late.err, /trimmed or is lost/)
  mkdirSync(join(root, 'copied'))
  cpSync(mirror, join(root, 'copied', 'mirror'), { recursive: true })
  const copied = await run('copied', 'replay', '--json')
  assert.is(copied.code, 0, copied.err + copied.out)
  client.disconnect()
})

test('refuse a directory that is a copy of other data, or has a journal of its own', async () => {
  const client = server.client()
  await client.hset(META, { shards: shardsOfData, data: 'data-2' })
  const other = await run('a', 'stats')
  assert.is(other.code, 3)
  assert.match(other.err, /is a copy of data that is not in the Redis/)
  mkdirSync(join(root, 'own', 'journal'), { recursive: true })
  cpSync(join(root, 'a', 'mirror', 'journal'), join(root, 'own', 'journal'), { recursive: true })
  cpSync(join(root, 'a', 'holdfast.json'), join(root, 'own', 'holdfast.json'))
  const own = await run('own', 'stats')
  assert.is(own.code, 3)
  assert.match(own.err, /holds the journal of one machine/)
  client.disconnect()
})

test.run()
