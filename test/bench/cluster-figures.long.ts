/** The figures of several nodes at their smallest, on a real Redis Cluster: they run, and their books add up. */
import * as assert from 'uvu/assert'
import type { Measured } from '../../bench/figure.ts'
import { FIGURES } from '../../bench/figures.ts'
import { suite } from '../support/suite.ts'

const test = suite('a benchmark figure of many machines', { limitMs: 180_000, needs: ['redis-server'] })

test('three nodes of one cluster beside three alone: what a reservation costs them', async () => {
  const { rows } = await measure('three-nodes')
  assert.equal([rows[0]?.floor, rows[0]?.aim], [0.8, 0.95])
  assert.ok((rows[0]?.ratio ?? 0) > 0)
})

test('a killed node’s shards sell again, and a rolling restart is counted', async () => {
  const { rows } = await measure('take-over')
  assert.equal(
    rows.map(({ floor, aim }) => [floor, aim]),
    [
      [5, 2],
      [5, 2],
      [0, 0],
      [undefined, undefined],
      [undefined, undefined],
    ],
  )
  assert.ok((rows[0]?.value ?? 0) > 0)
})

test('what it costs those who buy that a broker is told of events', async () => {
  const { rows } = await measure('event-relay')
  assert.equal([rows[0]?.floor, rows[0]?.aim], [0.9, 0.98])
  assert.ok((rows[0]?.ratio ?? 0) > 0)
})

test.run()

async function measure(name: string): Promise<Measured> {
  const figure = await FIGURES[name]?.()
  if (figure === undefined) throw new Error(`there is no figure ${name}`)
  assert.is(figure.name, name)
  return figure.measure('tiny', () => {})
}
