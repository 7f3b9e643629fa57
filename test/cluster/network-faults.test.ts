/** FAULTS.md, H75 and H76: the network between three nodes, or between one and Redis, is cut, silent one way, or slow. */
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'

type World = { trial: ClusterTrial }

const LATE_MS = 1_500

const faults = suite<World>('three nodes whose network fails', { needs: ['redis-server'], limitMs: 60_000 })

faults.after(async ({ trial }) => await trial?.close())

faults('reach each other and Redis', async (world) => {
  world.trial = await ClusterTrial.start({ nodes: 3, isRouted: true })
})

faults('one reaches Redis no more, and is heard no more by it', async ({ trial }) => {
  const [victim, , other] = nodesOf(trial)
  trial.load()
  for (const proxy of victim.network.to(trial.all.redisPorts)) proxy.blackhole()
  const soldMs = await trial.sellsAgain()
  victim.network.heal()
  // While it lasts; nobody waits for it to be over. The other way round it goes on asking for what it never hears.
  for (const proxy of other.network.to(trial.all.redisPorts)) proxy.blackhole(['replies'])
  const deafMs = await trial.sellsAgain()
  other.network.heal()
  note(`sold again after ${soldMs.toFixed(0)} ms, and ${deafMs.toFixed(0)} ms where it was only deaf`)
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
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
  const [slow, stopped] = nodesOf(trial)
  trial.load()
  for (const proxy of slow.network.to(trial.all.portsBeside(slow))) proxy.delay(LATE_MS)
  await pause(300)
  stopped.pause()
  await pause(trial.all.leaseMs + LATE_MS)
  stopped.resume()
  await pause(300)
  slow.network.heal()
  await trial.sellsAgain()
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults.run()

function nodesOf({ all }: ClusterTrial): [AppNode, AppNode, AppNode] {
  return all.nodes as unknown as [AppNode, AppNode, AppNode]
}
