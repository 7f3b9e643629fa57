/**
 * Which nodes keep a history. Two, so that one is there when the other dies, and not all, because whoever keeps it takes in
 * every event of all shards.
 *
 * The two that have been there longest: whoever is left when one of them goes stays, so there is always one that has it all.
 * Owners of certain shards would both be new ones whenever the shards of one that died went to others. Every node finds the
 * same two; while some have not heard of a change yet, more than two keep one, or somebody is asked who does not.
 */
import type { Member } from './members.ts'
import type { NodeId } from './placement.ts'

type Listed = Pick<Member, 'id' | 'address' | 'startedAtMs' | 'isLeaving'>

const KEEPERS = 2

/** Whoever is about to go keeps none any more, unless all are; nor does whoever died where another one has started since. */
export function historyKeepers(members: readonly Listed[]): NodeId[] {
  const present = members.filter((member) => !members.some((other) => hasReplaced(other, member)))
  const staying = present.filter(({ isLeaving }) => !isLeaving)
  return (staying.length > 0 ? staying : present)
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1))
    .slice(0, KEEPERS)
    .map(({ id }) => id)
}

/** Two nodes cannot have one address: a killed one is listed for some time after its successor has started. */
function hasReplaced(one: Listed, other: Listed): boolean {
  return one.address === other.address && one.startedAtMs > other.startedAtMs
}
