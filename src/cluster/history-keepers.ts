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

const KEEPERS = 2

/** Whoever is about to go has ceased, unless all are. */
export function historyKeepers(
  members: readonly Pick<Member, 'id' | 'startedAtMs' | 'isLeaving'>[],
): NodeId[] {
  const staying = members.filter(({ isLeaving }) => !isLeaving)
  return (staying.length > 0 ? staying : members)
    .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1))
    .slice(0, KEEPERS)
    .map(({ id }) => id)
}
