/**
 * FAULTS.md, A12 and E43 among several nodes, and what these owe whoever restarts them: three real processes on a real Redis,
 * whose clocks are 10 s apart all the while.
 */
import * as assert from 'uvu/assert'
import type { ShardId } from '../../src/domain/ids.ts'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import type { Held } from '../support/request-ledger.ts'
import { pause } from '../support/server-process.ts'
import { ShiftedClock } from '../support/shifted-clock.ts'
import { note, suite } from '../support/suite.ts'

type World = { trial: ClusterTrial; clocks: readonly ShiftedClock[] }

const SELLS_WITHIN_MS = 5_000
const CLOCK_SHIFTS_MS = [10_000, 0, -10_000]
/** What the next clock is ahead by. */
const HOLD_SECONDS = 10

const faults = suite<World>('three nodes under load', { needs: ['redis-server'], limitMs: 110_000 })

/** Not a hook: a machine that is busy with other tests takes longer to start all of it than a hook may take. */
faults('start with clocks that are 20 s apart', async (world) => {
  world.clocks = CLOCK_SHIFTS_MS.map((ms) => new ShiftedClock(ms))
  const { clocks } = world
  world.trial = await ClusterTrial.start({
    nodes: 3,
    nodeArguments: (node) => clocks[node]?.nodeArguments ?? [],
  })
  await world.trial.judgeAnswers()
})

faults.after(async ({ trial, clocks }) => {
  await trial?.close()
  for (const clock of clocks ?? []) clock[Symbol.dispose]()
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
  'all are restarted in turn: no request fails, and a hold goes on for its time where clocks are ahead',
  async ({ trial }) => {
    const { all } = trial
    const [, , behind] = nodesOf(trial)
    let held: Held | undefined
    trial.load()
    for (const node of all.nodes) {
      trial.serveBy(all.nodes.filter((other) => other !== node))
      await pause(200)
      if (node === behind) held = await holdBy(trial, node)
      await node.stop()
      if (node === behind) {
        await trial.sellsAgain()
        const { body } = await (all.nodes[0] as AppNode).server.request(
          'GET',
          `/v1/reservations/${held?.reservationId}`,
        )
        assert.is(body.status, 'held')
      }
      await node.start()
      trial.serveBy(undefined)
      await all.untilBalanced()
    }
    await trial.judgeAnswers()
    const { calls, failedOnce, failedTwice } = trial.shop.counts
    note(`${calls} calls: ${failedOnce} failed, of which ${failedTwice} again at another node`)
    assert.is(failedTwice, 0, trial.shop.whys.join('\n'))
  },
)

faults.run()

function nodesOf({ all }: ClusterTrial): [AppNode, AppNode, AppNode] {
  return all.nodes as unknown as [AppNode, AppNode, AppNode]
}

/** A hold of a shard that this node serves, for as long as its clock is behind those of the others. */
async function holdBy({ all, probes, ledger }: ClusterTrial, node: AppNode): Promise<Held | undefined> {
  const [shard = 0 as ShardId] = await all.ownedBy(node)
  const asked = ledger.reserveSeveral([{ productId: probes[shard] as string, quantity: 1 }], {})
  const body = { items: asked.lines, reference: asked.tag, ttlSeconds: HOLD_SECONDS }
  return ledger.answeredReserve(asked, await node.server.request('POST', '/v1/reservations', body))
}
