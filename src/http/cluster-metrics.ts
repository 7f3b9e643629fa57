/** What a node among others says of its shards, as Prometheus metrics. Made anew for each scrape. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { OwnershipView } from '../cluster/ownership-view.ts'

export function clusterRegistry(view: OwnershipView): Registry {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers }).inc(value)
  const { members, shards, acquired, lost, handedOver } = view
  const own = shards.filter(({ leaseLeftMs }) => leaseLeftMs !== undefined)
  const served = own.filter(({ leaseLeftMs }) => leaseLeftMs !== 0)
  const orphans = shards.filter(({ owner }) => owner === undefined)

  gauge('holdfast_cluster_members', 'Nodes that live, this one included.', members)
  gauge('holdfast_cluster_shards_owned', 'Shards this node serves.', served.length)
  gauge(
    'holdfast_cluster_shards_without_owner',
    'Shards that nobody serves, as far as this node knows.',
    orphans.length,
  )
  counter('holdfast_cluster_leases_acquired_total', 'Shards this node has taken.', acquired)
  counter('holdfast_cluster_leases_lost_total', 'Shards whose lease ended without this node’s doing.', lost)
  counter('holdfast_cluster_leases_handed_over_total', 'Shards this node has handed over.', handedOver)
  const left = new Gauge({
    name: 'holdfast_cluster_lease_left_seconds',
    help: 'How long this node may still answer for a shard unless it renews its lease.',
    labelNames: ['shard'],
    registers,
  })
  const mayAcknowledge = new Gauge({
    name: 'holdfast_cluster_may_acknowledge',
    help: 'Whether the replicas of the shard’s primary are those that its acknowledgements count.',
    labelNames: ['shard'],
    registers,
  })
  for (const { shard, leaseLeftMs, mayAcknowledge: may } of own) {
    left.set({ shard }, (leaseLeftMs ?? 0) / 1_000)
    mayAcknowledge.set({ shard }, may ? 1 : 0)
  }
  return registry
}
