/** Every figure at its smallest: it runs, checks its own books, and says what it should. Nothing is said of speed. */
import * as assert from 'uvu/assert'
import type { Measured, Row } from '../../bench/figure.ts'
import { FIGURES } from '../../bench/figures.ts'
import { suite } from '../support/suite.ts'

const test = suite('a benchmark figure', { limitMs: 60_000 })

test('spread: the engine beside both readings of the bare loop, and the device’s syncs', async () => {
  const { rows, plots } = await measure('spread')
  assert.equal(namesOf(rows).slice(0, 4), [
    'durable reserves, 4,096 callers ÷ bare loop drawing ids and building events',
    'durable reserves, 4,096 callers ÷ bare loop, events prepared (strict)',
    'durable reserves, 64 callers ÷ bare loop drawing ids and building events',
    'durable reserves, 64 callers ÷ bare loop, events prepared, a sync per 64',
  ])
  assert.equal(boundsOf(rows), [[0.35, 0.8]])
  assert.ok(rows.some(({ name, value }) => name === 'one fdatasync of 4 KiB, p50' && positive(value)))
  assert.ok(plots.some(({ title }) => title.startsWith('The device’s own syncs')))
})

test('hot product beside many', async () => {
  const { rows } = await measure('hot-product')
  assert.equal(boundsOf(rows), [[0.8, 1]])
})

test('several products at a time beside one', async () => {
  const { rows, notes } = await measure('several-products')
  assert.equal(namesOf(rows), ['durable reserves of 3 products, 1,024 callers ÷ of one product'])
  assert.match(notes[0] ?? '', /in 2\.\d of 8 shards on average/)
})

test('bytes of the journal a reserve', async () => {
  const { rows } = await measure('journal-bytes')
  assert.equal(boundsOf(rows), [[120, 64]])
  // An id of 28 characters, a product and a customer of 8 each, and nothing is free.
  assert.ok((rows[0]?.value ?? 0) > 28 + 8 + 8)
})

test('a million reservations beside a thousand', async () => {
  const { rows } = await measure('live-reservations')
  assert.equal(boundsOf(rows), [[0.8, 0.95]])
})

test('replay beside a bare scan, which finds as many events', async () => {
  const { rows } = await measure('replay')
  assert.equal(boundsOf(rows), [[0.3, 0.8]])
})

test('memory a reservation, a key and a customer', async () => {
  const { rows } = await measure('memory')
  assert.ok(rows.every(({ value }) => value !== undefined))
  assert.equal(boundsOf(rows), [
    [400, 128],
    [96, 48],
    [96, 48],
  ])
})

test('overload in process: goodput, latency, and how much was really offered', async () => {
  const { rows } = await measure('overload')
  assert.equal(boundsOf(rows), [
    [0.8, 0.97],
    [3, 1.3],
    [8, 9.5],
  ])
})

test('a restart after a kill and after an orderly end finds the reservations', async () => {
  const { rows } = await measure('restart')
  assert.equal(boundsOf(rows), [
    [3, 0.5],
    [3, 0.5],
  ])
})

test.run()

const http = suite('a benchmark figure over HTTP', { limitMs: 60_000 })

http('durable reserves beside the bare echoes, which send as many bytes', async () => {
  const { rows } = await measure('http')
  assert.equal(boundsOf(rows), [[0.5, 0.9]])
  const bytes = rows.find(({ name }) => name.startsWith('bytes of a reply'))
  const apart = Math.abs((bytes?.value ?? 0) - (bytes?.limit?.value ?? Number.NaN))
  assert.ok(apart < 16, `${apart} bytes apart, beyond counters of different length`)
})

http('overload', async () => {
  const { rows } = await measure('overload-http')
  assert.equal(boundsOf(rows), [
    [0.7, 0.95],
    [3, 1.5],
  ])
})

http('people who sign in beside those who buy', async () => {
  const { rows } = await measure('logins')
  assert.equal(boundsOf(rows), [[3, 1.2]])
  const signedIn = rows.find(({ name }) => name === 'signed in')
  assert.ok(positive(signedIn?.value), 'somebody did')
})

http('searches: what is found, how soon, beside FTS5', async () => {
  const { rows } = await measure('search')
  assert.equal(boundsOf(rows), [
    [95, 99.5],
    [85, 97],
    [50, 10],
  ])
  const [one, two] = rows
  assert.ok((one?.value ?? 0) > 80 && (two?.value ?? 0) > 80, 'most titles are found')
})

http('what the search costs those who buy, and how closely it follows', async () => {
  const { rows } = await measure('search-follow')
  assert.equal(boundsOf(rows), [
    [0.9, 0.99],
    [2_000, 500],
    [2_000, 500],
    [1_000, 50],
  ])
})

http.run()

async function measure(name: string): Promise<Measured> {
  const figure = await FIGURES[name]?.()
  if (figure === undefined) throw new Error(`there is no figure ${name}`)
  assert.is(figure.name, name)
  const measured = await figure.measure('tiny', () => {})
  assert.ok(measured.rows.length > 0)
  for (const { name, value, limit, ratio, note } of measured.rows) {
    assert.ok(value === undefined ? note !== undefined : Number.isFinite(value), `${name} is ${value}`)
    assert.is(limit === undefined, ratio === undefined, `${name} has a ratio where it has a limit`)
    // A ratio may be 0: a load of milliseconds can pass while the machine looks elsewhere.
    if (limit !== undefined) assert.ok(positive(limit.value) && Number.isFinite(ratio), `${name}: ${ratio}`)
  }
  return measured
}

function namesOf(rows: readonly Row[]): readonly string[] {
  return rows.map(({ name }) => name)
}

/** Floor and aim of the rows that have them. */
function boundsOf(rows: readonly Row[]): readonly (readonly [number | undefined, number | undefined])[] {
  return rows.flatMap(({ floor, aim }) => (floor === undefined ? [] : [[floor, aim] as const]))
}

function positive(value: number | undefined): boolean {
  return value !== undefined && Number.isFinite(value) && value > 0
}
