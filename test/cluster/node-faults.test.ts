/**
 * FAULTS.md, A14, E43, E46, H73, H75 and H76, and what nodes owe whoever restarts them: three real processes on a real Redis,
 * whose clocks are 10 s apart all the while.
 */
import * as assert from 'uvu/assert'
import type { ShardId } from '../../src/domain/ids.ts'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { pause } from '../support/server-process.ts'
import { ShiftedClock } from '../support/shifted-clock.ts'
import { note, suite } from '../support/suite.ts'
import { ThreadStall } from '../support/thread-stall.ts'

type World = { trial: ClusterTrial; clocks: readonly ShiftedClock[]; stall: ThreadStall }

const SELLS_WITHIN_MS = 5_000
const CLOCK_SHIFTS_MS = [10_000, 0, -10_000]
/** Longer than a lease. */
const STALL_MS = 2_000

const faults = suite<World>('three nodes under load', { needs: ['redis-server'], limitMs: 60_000 })

/** Not a hook: a machine that is busy with other tests takes longer to start all of it than a hook may take. */
faults('start with clocks that are 20 s apart', async (world) => {
  world.clocks = CLOCK_SHIFTS_MS.map((ms) => new ShiftedClock(ms))
  world.stall = new ThreadStall()
  const { clocks, stall } = world
  world.trial = await ClusterTrial.start({
    nodes: 3,
    isRouted: true,
    nodeArguments: (node) => [
      ...(clocks[node]?.nodeArguments ?? []),
      ...(node === 0 ? stall.nodeArguments : []),
    ],
  })
  await world.trial.judgeAnswers()
})

faults.after(async ({ trial, clocks, stall }) => {
  await trial?.close()
  for (const clock of clocks ?? []) clock[Symbol.dispose]()
  stall?.[Symbol.dispose]()
})

faults('one is killed: nothing is lost, and its shards sell again within seconds', async ({ trial }) => {
  const [, victim] = nodesOf(trial)
  trial.load()
  await pause(300)
  await victim.kill()
  const soldMs = await trial.sellsAgain()
  note(`sold by every shard again after ${soldMs.toFixed(0)} ms, with leases of ${trial.all.leaseMs} ms`)
  await victim.start()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
  assert.ok(soldMs < SELLS_WITHIN_MS, `${soldMs} ms`)
})

faults(
  'one is stopped past its lease and continued: it answers nothing that another has changed, and appends nothing',
  async ({ trial }) => {
    const [, victim, other] = nodesOf(trial)
    const [shard = 0 as ShardId] = await trial.all.ownedBy(victim)
    const product = trial.probes[shard] as string
    trial.load()
    const before = await victim.server.request('GET', `/v1/products/${product}/stock`)
    victim.pause()
    await trial.sellsAgain()
    const { body } = await other.server.request('GET', `/v1/products/${product}/stock`)
    assert.ok(Number(body.version) > Number(before.body.version), 'it was sold elsewhere meanwhile')
    // All of it is asked after that sale, and waits in the sockets of a process that does not know of it yet.
    const patienceMs = 20_000
    const paths = [`/v1/products/${product}/stock`, `/v1/stock?productIds=${product}`]
    const asked = Array.from({ length: 20 }, (_, i) => {
      return victim.server.attempt('GET', paths[i % 2] as string, undefined, { patienceMs })
    })
    await pause(50)
    victim.resume()
    let shown = 0
    for (const outcome of await Promise.all(asked)) {
      assert.is(outcome.type, 'answered')
      if (outcome.type !== 'answered' || outcome.status === 503) continue
      assert.is(outcome.status, 200)
      const stock = ((outcome.body.stock as unknown[] | undefined)?.[0] ?? outcome.body) as {
        version: number
      }
      assert.ok(stock.version >= Number(body.version), `version ${stock.version} after ${body.version}`)
      shown += 1
    }
    note(`${shown} of ${asked.length} reads were answered by where the shard is now`)
    await trial.all.untilBalanced()
    await trial.judgeAnswers()
  },
)

faults('the main thread of one stalls past its leases while its workers go on', async ({ trial, stall }) => {
  trial.load()
  stall.begin('main', STALL_MS)
  await pause(STALL_MS / 2)
  await trial.sellsAgain()
  await pause(STALL_MS / 2)
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults('the workers of one stall while it goes on renewing their leases', async ({ trial, stall }) => {
  trial.load()
  stall.begin('shards', STALL_MS)
  await pause(STALL_MS)
  await trial.sellsAgain()
  await trial.judgeAnswers()
})

faults('one reaches Redis no more, and is heard no more by it', async ({ trial }) => {
  const [victim, , other] = nodesOf(trial)
  trial.load()
  for (const proxy of victim.network.to(trial.all.redisPorts)) proxy.blackhole()
  const soldMs = await trial.sellsAgain()
  victim.network.heal()
  // The other way round it goes on asking for what it never hears.
  for (const proxy of other.network.to(trial.all.redisPorts)) proxy.blackhole(['replies'])
  const deafMs = await trial.sellsAgain()
  other.network.heal()
  note(`sold again after ${soldMs.toFixed(0)} ms, and ${deafMs.toFixed(0)} ms where it was only deaf`)
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
  assert.ok(Math.max(soldMs, deafMs) < SELLS_WITHIN_MS)
})

faults('one reaches no other, or each other only one way: no two own a shard', async ({ trial }) => {
  const [victim] = nodesOf(trial)
  const ways = victim.network.to(trial.all.portsBeside(victim))
  trial.load()
  for (const proxy of ways) proxy.cut()
  await pause(1_000)
  victim.network.heal()
  for (const proxy of ways) proxy.blackhole(['replies'])
  await pause(2_000)
  victim.network.heal()
  await trial.sellsAgain()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults('what one says to the others comes seconds late, after shards have moved', async ({ trial }) => {
  const [slow, leaving] = nodesOf(trial)
  trial.load()
  for (const proxy of slow.network.to(trial.all.portsBeside(slow))) proxy.delay(1_500)
  await pause(500)
  await leaving.stop()
  await pause(1_500)
  slow.network.heal()
  await leaving.start()
  await trial.sellsAgain()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults('all are restarted, one after another, and no request fails', async ({ trial }) => {
  trial.load()
  for (const node of trial.all.nodes) {
    trial.serveBy(trial.all.nodes.filter((other) => other !== node))
    await pause(200)
    await node.stop()
    await node.start()
    trial.serveBy(undefined)
    await trial.all.untilBalanced()
  }
  await trial.judgeAnswers()
  const { calls, failedOnce, failedTwice } = trial.shop.counts
  note(`${calls} calls: ${failedOnce} failed, of which ${failedTwice} again at another node`)
  assert.is(failedTwice, 0, trial.shop.whys.join('\n'))
})

faults('a hold goes on for its time where an owner follows whose clock is 20 s ahead', async ({ trial }) => {
  const [ahead, middle, behind] = nodesOf(trial)
  await Promise.all([ahead.stop(), middle.stop()])
  await trial.sellsAgain()
  const asked = trial.ledger.reserveSeveral([{ productId: trial.probes[0] as string, quantity: 1 }], {})
  const answer = await behind.server.request('POST', '/v1/reservations', {
    items: asked.lines,
    reference: asked.tag,
    ttlSeconds: 15,
  })
  const held = trial.ledger.answeredReserve(asked, answer)
  await ahead.start()
  await behind.stop()
  await trial.sellsAgain()
  const { body } = await ahead.server.request('GET', `/v1/reservations/${held?.reservationId}`)
  assert.is(body.status, 'held')
  await Promise.all([middle.start(), behind.start()])
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults.run()

function nodesOf({ all }: ClusterTrial): [AppNode, AppNode, AppNode] {
  return all.nodes as unknown as [AppNode, AppNode, AppNode]
}
