/**
 * FIGURE: a shop of a million reservations and a hundred thousand products goes to Redis and PostgreSQL and back: the state of
 * every shard and every table is what it was, by hash.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/persistence/tables/database.ts'
import { migrate } from '../../src/persistence/tables/migrations.ts'
import { schema } from '../../src/persistence/tables/schema.ts'
import { guardRows } from '../../src/persistence/tables/seals/guard-rows.ts'
import { command } from '../support/commands.ts'
import { LongFigure } from '../support/long-figure.ts'
import { amongOthers, move } from '../support/moving.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

const RESERVATIONS = 1_000_000
const PRODUCTS = 100_000
const COMMAND = 'node test/support/run.ts --long test/cli/move-large.long.ts'
const FILL = join(import.meta.dirname, '../../bench/support/fill-data.ts')

const test = suite('a large shop that moves', {
  needs: ['redis-server', 'postgres'],
  limitMs: 40 * 60_000,
})
const figure = new LongFigure('move-large')
let root: string
let data: string

test.before(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-move-large-'))
  data = join(root, 'data')
  const child = fork(FILL, [data, String(RESERVATIONS), String(PRODUCTS)])
  await once(child, 'message')
  child.kill('SIGTERM')
  await once(child, 'close')
  figure.say('filled')
  fillTables(join(data, 'tables.sqlite'))
  figure.say('catalog filled')
})
test.after(() => rmSync(root, { recursive: true }))

function fillTables(path: string): void {
  const database = openDatabase(path)
  migrate(database, schema, Date.now())
  guardRows(database)
  const insert = database.prepare(
    `INSERT INTO products (id, title, description, price_minor, currency, images, specifications, version, created_at_ms, updated_at_ms)
     VALUES (?, ?, 'Good.', ?, 'USD', '[]', '{}', 1, 0, 0)`,
  )
  database.transaction(() => {
    for (let nr = 0; nr < PRODUCTS; nr++) insert.run(`product-${nr}`, `The product ${nr}`, 100 + nr)
  })()
  database.close()
}

type ShardHash = { readonly shard: number; readonly sequence: number; readonly stateHash: string }

async function replayed(): Promise<{
  readonly shards: readonly ShardHash[]
  readonly reservations: number
  readonly products: number
}> {
  const { code, out, err } = await command('journal', ['replay', '--json', '--data', data])
  assert.is(code, 0, out + err)
  return JSON.parse(out)
}

async function timed(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly seconds: number; readonly out: string }> {
  const sinceMs = performance.now()
  const { code, out, err } = await move(data, args, { SEGMENT_BYTES: undefined, ...environment })
  assert.is(code, 0, out + err)
  const seconds = Math.round((performance.now() - sinceMs) / 100) / 10
  figure.say(`${args.join(' ')}: ${seconds} s\n${err}`)
  return { seconds, out }
}

const tableLines = (out: string) => out.split('\n').filter((line) => / {2}[0-9a-f]{64}$/.test(line))

test('there and back, with the same hashes', async () => {
  const redis = await RedisServerProcess.start()
  const postgres = await PostgresServerProcess.start()
  try {
    const before = await replayed()
    assert.is(before.reservations, RESERVATIONS)
    assert.is(before.products, PRODUCTS)
    const nodes = amongOthers(redis.url)
    const toRedis = await timed(['--to', 'redis'], nodes)
    const toFiles = await timed(['--to', 'files'], nodes)
    const after = await replayed()
    assert.equal(after.shards, before.shards)
    const tables = { DATABASE_URL: await postgres.newDatabase() }
    const toPostgres = await timed(['--tables', 'postgres'], tables)
    const toSqlite = await timed(['--tables', 'sqlite'], tables)
    assert.equal(tableLines(toSqlite.out), tableLines(toPostgres.out))
    assert.ok(tableLines(toSqlite.out).some((line) => /products +100,000/.test(line)))
    const secondsOf = {
      toRedis: toRedis.seconds,
      toFiles: toFiles.seconds,
      toPostgres: toPostgres.seconds,
      toSqlite: toSqlite.seconds,
    }
    figure.end({
      command: COMMAND,
      seed: 'none',
      reservations: RESERVATIONS,
      products: PRODUCTS,
      shards: after.shards,
      secondsOf,
    })
    note(JSON.stringify(secondsOf))
  } finally {
    await redis.close()
    await postgres.stop()
  }
})

test.run()
