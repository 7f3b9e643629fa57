/** The rivals: measured where they are installed, and said to be absent where they are not. */
import * as assert from 'uvu/assert'
import { verdictOf } from '../../bench/figure.ts'
import { postgres } from '../../bench/figures/postgres.ts'
import { redis } from '../../bench/figures/redis.ts'
import { findProgram, Started } from '../../bench/support/programs.ts'
import { makeScratch } from '../../bench/support/scratch.ts'
import { sweep } from '../../bench/support/sweep.ts'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import { suite } from '../support/suite.ts'

const silent = () => {}
const RATES: ReadonlyMap<number, number> = new Map([
  [1, 10],
  [2, 30],
  [3, 20],
])

const test = suite('a rival', { limitMs: 60_000 })

test('Redis: its books are checked, and it is held against the engine', async () => {
  const { rows } = await redis.measure('tiny', silent)
  assert.is(rows.length, 1)
  const [row] = rows
  assert.equal([row?.floor, row?.aim], [4, 10])
  assert.is(row?.value === undefined, findProgram('redis-server') === undefined)
})

test('Redis that is not installed is a row that says so, and judges nothing', async () => {
  const { PATH } = process.env
  process.env.PATH = ''
  try {
    const { rows } = await redis.measure('tiny', silent)
    assert.is(rows[0]?.note, 'redis-server is not present')
    assert.is(rows[0] && verdictOf(rows[0]), undefined)
  } finally {
    process.env.PATH = PATH
  }
})

test('PostgreSQL: all three ways, or a row that says that it is not there', async () => {
  const { rows } = await postgres.measure('tiny', silent)
  const isAbsent = rows.some(({ value }) => value === undefined)
  assert.is(rows.length, isAbsent ? 2 : 5)
  const floors = rows.flatMap(({ floor }) => floor ?? [])
  assert.equal(floors, [50, 2])
})

test('a sweep keeps the quickest setting, and its first try does not count', async () => {
  const asked: number[] = []
  const { best, tried } = await sweep([1, 2, 3], async (point) => {
    asked.push(point)
    return asked.length === 1 ? 1_000 : (RATES.get(point) ?? 0)
  })
  assert.is(best, 2)
  assert.equal(asked, [1, 1, 2, 3])
  assert.equal(
    tried.map(({ perSecond }) => perSecond),
    [10, 30, 20],
  )
})

test('a program that ends before it is ready is reported with what it said', async () => {
  const directory = makeScratch('ends')
  const program = {
    file: process.execPath,
    args: ['-e', 'console.error("no room"); process.exit(3)'],
    directory,
  }
  const started = new Started(program)
  const failure = await started
    .until(() => Promise.reject(new Error('not yet')))
    .catch((error: Error) => error)
  assert.match((failure as Error).message, /it ended: no room/)
})

test('ports are free and differ', async () => {
  const ports = [await freePort(), await freePort()]
  assert.ok(ports.every((port) => port > 1_023))
})

test.run()
