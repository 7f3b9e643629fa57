import * as assert from 'uvu/assert'
import type { NodeId } from '../../src/cluster/placement.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { clusterRegistry } from '../../src/http/cluster-metrics.ts'
import { suite } from '../support/suite.ts'

const metrics = suite('metrics of a node among others')

const others = { leaseLeftMs: undefined, mayAcknowledge: undefined }
const held = (shard: number, owner: NodeId, leaseLeftMs: number) =>
  ({ shard: shard as ShardId, state: 'held', owner, leaseLeftMs, mayAcknowledge: true }) as const

metrics('say what it owns, for how long, and what nobody owns', async () => {
  const text = await clusterRegistry({
    node: 'a',
    members: 2,
    shards: [
      held(0, 'a', 1_250),
      { ...held(1, 'a', 0), state: 'claimed', mayAcknowledge: false },
      { shard: 2 as ShardId, state: 'held', owner: 'b', ...others },
      { shard: 3 as ShardId, state: 'free', owner: undefined, ...others },
    ],
    acquired: 5,
    lost: 1,
    handedOver: 2,
  }).metrics()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.equal(lines, [
    'holdfast_cluster_members 2',
    'holdfast_cluster_shards_owned 1',
    'holdfast_cluster_shards_without_owner 1',
    'holdfast_cluster_leases_acquired_total 5',
    'holdfast_cluster_leases_lost_total 1',
    'holdfast_cluster_leases_handed_over_total 2',
    'holdfast_cluster_lease_left_seconds{shard="0"} 1.25',
    'holdfast_cluster_lease_left_seconds{shard="1"} 0',
    'holdfast_cluster_may_acknowledge{shard="0"} 1',
    'holdfast_cluster_may_acknowledge{shard="1"} 0',
  ])
})

metrics.run()
