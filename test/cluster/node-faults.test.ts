/** FAULTS.md, A14, E43, E46, H73, H75 and H76, and what nodes owe whoever restarts them: real processes on a real Redis. */
import * as assert from 'uvu/assert'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'

const NEEDS = { needs: ['redis-server'], limitMs: 60_000 }
const SELLS_WITHIN_MS = 5_000

const killed = suite('a node that is killed under load', NEEDS)

killed('loses nothing, and its shards sell again within seconds', async () => {
  await using trial = await ClusterTrial.start({ nodes: 3 })
  const [victim] = trial.all.nodes as [AppNode]
  trial.load()
  await pause(500)
  await victim.kill()
  const soldMs = await trial.sellsAgain()
  note(`sold by every shard again after ${soldMs.toFixed(0)} ms, with leases of ${trial.all.leaseMs} ms`)
  await victim.start()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
  assert.ok(trial.ledger.acknowledgedCount() > 50)
  assert.ok(soldMs < SELLS_WITHIN_MS, `${soldMs} ms`)
})

killed.run()
