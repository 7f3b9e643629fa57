/** Three real nodes on a real Redis, of which two keep a history: all tell the same, and go on when one of the two is killed. */
import * as assert from 'uvu/assert'
import type { AppNode } from '../support/app-node.ts'
import { ClusterProcesses } from '../support/cluster-processes.ts'
import { asksOf, keepersOf, metricOf, readsWriteOf, tellAlike } from '../support/history-nodes.ts'
import { note, suite } from '../support/suite.ts'

const ANSWERS_WITHIN_MS = 5_000

const test = suite('the history of three nodes', { needs: ['redis-server'], limitMs: 120_000 })

test('is kept by two of them, told alike by all, and survives a kill of one', async () => {
  await using all = await ClusterProcesses.start({
    nodes: 3,
    shards: 3,
    environment: { WORKER_HEAP_MB: '128' },
  })
  const keepers = await keepersOf(all)
  const [resting] = all.nodes.filter((node) => !keepers.includes(node))
  assert.ok(resting)
  const products = all.productOfEach('phone')
  const positions: string[] = []
  for (const [i, productId] of products.entries()) {
    const adjustments = `/v1/products/${productId}/stock/adjustments`
    const delivered = await (all.nodes[i] as AppNode).server.request('POST', adjustments, {
      set: 100,
      reason: 'count',
    })
    assert.is(delivered.status, 200)
    for (const seller of all.nodes) await readsWriteOf(seller, resting, productId)
    const more = await resting.server.request('POST', adjustments, { set: 200, reason: 'count' })
    positions.push(String(more.headers['holdfast-position']))
  }
  const minPosition = positions.join()
  await tellAlike(all.nodes, { products, minPosition })
  const { body } = await asksOf(resting, '/v1/reservations?limit=100')
  assert.is((body.reservations as unknown[]).length, products.length * all.nodes.length)
  assert.equal(await metricOf(resting, 'holdfast_history_events_total'), 0, 'it has taken nothing itself')
  assert.ok(
    (await resting.server.isReady()) &&
      Number(await metricOf(keepers[0] as AppNode, 'holdfast_history_events_total')) > 0,
  )

  const [killed, left] = keepers as [AppNode, AppNode]
  await killed.kill()
  for (const node of [resting, left]) {
    const { status, tookMs } = await asksOf(node, `/v1/reservations?limit=100&minPosition=${minPosition}`)
    note(
      `${node === left ? 'the keeper that is left' : 'the one that asks'} answers ${tookMs.toFixed(0)} ms after the kill`,
    )
    assert.ok(status === 200 && tookMs < ANSWERS_WITHIN_MS, `${tookMs} ms`)
  }
  await tellAlike([resting, left], { products, minPosition })
  for (const { server } of [resting, left]) assert.is((await server.stop()).code, 0)
})

test.run()
