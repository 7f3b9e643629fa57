/**
 * A history that goes from node to node, long enough for every node to have kept it: keepers are killed, and come back, under
 * load. Whoever keeps one anew fills it, and tells what the other one tells.
 */
import * as assert from 'uvu/assert'
import type { AppNode } from '../support/app-node.ts'
import type { ClusterProcesses } from '../support/cluster-processes.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { asksOf, keepersOf, metricOf, tellAlike } from '../support/history-nodes.ts'
import { LongFigure } from '../support/long-figure.ts'
import { pause } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const ROUNDS = 4
const LOAD_MS = 5_000
const ANSWERS_WITHIN_MS = 10_000
const test = suite('a history that goes from node to node', { needs: ['redis-server'], limitMs: 900_000 })

test('is whole at whoever keeps it, and is asked for all the while', async () => {
  const figure = new LongFigure('kept-history')
  const trial = await ClusterTrial.start({ nodes: 3 })
  const answeredAfterMs: number[] = []
  const filledAfterMs: number[] = []
  try {
    const { all } = trial
    const products = all.productOfEach('plenty')
    for (let round = 1; round <= ROUNDS; round++) {
      const keepers = await keepersOf(all)
      const killed = keepers[round % 2] as AppNode
      const rest = all.nodes.filter((node) => node !== killed)
      const [next] = rest.filter((node) => !keepers.includes(node)) as [AppNode]
      trial.load()
      await pause(LOAD_MS)
      const taken = Number(await metricOf(next, 'holdfast_history_events_total'))
      await killed.kill()
      const { status, tookMs } = await asksOf(next, '/v1/reservations?limit=1', ANSWERS_WITHIN_MS)
      assert.is(status, 200)
      answeredAfterMs.push(Math.round(tookMs))
      const sinceMs = performance.now()
      for (;;) {
        const now = await keepersOf(all)
        if (now.includes(next) && Number(await metricOf(next, 'holdfast_history_events_total')) > taken) break
        figure.progress(() => `round ${round}: ${next.name} does not keep one yet`)
        await pause(100)
      }
      filledAfterMs.push(Math.round(performance.now() - sinceMs))
      await trial.judge()
      await tellAlike(rest, { products, minPosition: await presentOf(all, next, products) })
      await killed.start()
      await all.untilBalanced()
      figure.say(`round ${round}: ${killed.name} killed; answered after ${tookMs.toFixed(0)} ms`)
    }
  } finally {
    await trial.close()
  }
  const command = 'npm run test:long -- test/process/kept-history.long.ts'
  figure.end({ command, rounds: ROUNDS, answeredAfterMs, filledAfterMs })
})

test.run()

/** How far the shard of each product has come. */
async function presentOf(
  all: ClusterProcesses,
  { server }: AppNode,
  products: readonly string[],
): Promise<string> {
  const positions = products.map(async (productId) => {
    const { body } = await server.request('GET', `/v1/products/${productId}/stock`)
    return `s${all.shardOf(productId)}.${body.sequence}`
  })
  return (await Promise.all(positions)).join()
}
