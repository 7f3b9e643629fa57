/**
 * The journal in Redis as a figure at its smallest, on real Redis servers: it runs, and its books add up. Whole nodes take
 * longer: cluster-figures.long.ts.
 */
import * as assert from 'uvu/assert'
import type { Measured } from '../../bench/figure.ts'
import { FIGURES } from '../../bench/figures.ts'
import { suite } from '../support/suite.ts'

const test = suite('a benchmark figure of many machines', { limitMs: 180_000, needs: ['redis-server'] })

test('the journal in Redis beside a Lua script there: every append is counted, every reservation found', async () => {
  const { rows } = await measure('redis-journal')
  assert.equal([rows[0]?.floor, rows[0]?.aim], [4, 12])
  assert.match(rows[0]?.name ?? '', /replicas:1 ÷ Redis Lua, AOF always/)
  const bytes = rows.find(({ name }) => name === 'bytes of both AOFs an event')
  // An id of 28 characters, twice, and nothing is free.
  assert.ok((bytes?.value ?? 0) > 2 * 28)
})

test.run()

async function measure(name: string): Promise<Measured> {
  const figure = await FIGURES[name]?.()
  if (figure === undefined) throw new Error(`there is no figure ${name}`)
  assert.is(figure.name, name)
  return figure.measure('tiny', () => {})
}
