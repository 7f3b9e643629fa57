/** FAULTS.md, A14, E46 and H73 among three nodes: one of them, or some of its threads, stands still for longer than its leases. */
import * as assert from 'uvu/assert'
import type { ShardId } from '../../src/domain/ids.ts'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'
import { ThreadStall } from '../support/thread-stall.ts'

type World = { trial: ClusterTrial; stall: ThreadStall }

/** Longer than a lease. */
const STALL_MS = 5_000
const READS = 20

const faults = suite<World>('three nodes of which one stands still', {
  needs: ['redis-server'],
  limitMs: 60_000,
})

faults.after(async ({ trial, stall }) => {
  await trial?.close()
  stall?.[Symbol.dispose]()
})

faults('serve all shards', async (world) => {
  const stall = new ThreadStall()
  world.stall = stall
  world.trial = await ClusterTrial.start({
    nodes: 3,
    // In threads of their own, so that they answer where the first one does not.
    environment: { LISTENERS: '2' },
    nodeArguments: (node) => (node === 0 ? stall.nodeArguments : []),
  })
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
    const reads = readsOf({ at: victim, product, since: Number(body.version) })
    await pause(50)
    victim.resume()
    note(`${await reads} of ${READS} reads were answered by where the shard is now`)
    await trial.all.untilBalanced()
    await trial.judgeAnswers()
  },
)

faults('the main thread of one stalls past its leases while its workers go on', async ({ trial, stall }) => {
  const [stalled, other, third] = nodesOf(trial)
  const [shard = 0 as ShardId] = await trial.all.ownedBy(stalled)
  const product = trial.probes[shard] as string
  // Nobody asks it for anything that it would have to append, which would tell it.
  trial.serveBy([other, third])
  trial.load()
  const sinceMs = performance.now()
  stall.begin('main', STALL_MS)
  await pause(trial.all.leaseMs)
  await trial.sellsAgain()
  const { body } = await other.server.request('GET', `/v1/products/${product}/stock`)
  // Its listeners and workers run, and nobody there has told them anything.
  const leftMs = STALL_MS - (performance.now() - sinceMs)
  const shown = await readsOf({ at: stalled, product, since: Number(body.version) })
  note(`${shown} reads were answered, the first asked ${leftMs.toFixed(0)} ms before the end of the stall`)
  await pause(Math.max(0, leftMs))
  trial.serveBy(undefined)
  await trial.all.untilBalanced()
  await trial.judgeAnswers()
})

faults('the workers of one stall while it goes on renewing their leases', async ({ trial, stall }) => {
  trial.load()
  stall.begin('shards', STALL_MS / 2)
  await pause(STALL_MS / 2)
  await trial.sellsAgain()
  await trial.judgeAnswers()
})

faults.run()

function nodesOf({ all }: ClusterTrial): [AppNode, AppNode, AppNode] {
  return all.nodes as unknown as [AppNode, AppNode, AppNode]
}

/** Reads one node: whatever is answered is of now, or nobody answers. Gives how many were answered. */
async function readsOf({
  at,
  product,
  since,
}: {
  readonly at: AppNode
  readonly product: string
  readonly since: number
}): Promise<number> {
  const paths = [`/v1/products/${product}/stock`, `/v1/stock?productIds=${product}`]
  const asked = Array.from({ length: READS }, (_, i) => {
    return at.server.attempt('GET', paths[i % 2] as string, undefined, { patienceMs: 20_000 })
  })
  let shown = 0
  for (const outcome of await Promise.all(asked)) {
    assert.is(outcome.type, 'answered')
    if (outcome.type !== 'answered' || outcome.status === 503) continue
    assert.is(outcome.status, 200)
    const stock = ((outcome.body.stock as unknown[] | undefined)?.[0] ?? outcome.body) as { version: number }
    assert.ok(stock.version >= since, `version ${stock.version} is shown after ${since}`)
    shown += 1
  }
  return shown
}
