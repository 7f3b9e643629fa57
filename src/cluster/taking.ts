/** When a node takes a shard, which placement means for it or for somebody who does not come, and when it gives one away. */
import type { LeaseRecord } from './lease-record.ts'
import type { NodeId } from './placement.ts'
import type { Tenure } from './tenure.ts'

/** For whom a free shard is meant has so long before others below their share take it; thrice as long before anybody does. */
export const graceMs = 300

/** Of a lease: so long a shard stays where it has come to. Nodes that disagree for a while then move little. */
const SETTLED_SHARE = 0.5

/** Whether `self` should try to take a lease that it has seen as `record` for so long. Redis decides who gets it. */
export function shouldTake(
  record: LeaseRecord,
  {
    self,
    isMeant,
    hasRoom,
    seenForMs,
  }: {
    readonly self: NodeId
    /** By placement. */
    readonly isMeant: boolean
    /** Whether it has less than its share. */
    readonly hasRoom: boolean
    readonly seenForMs: number
  },
): boolean {
  if (record.type === 'promised') return record.to === self
  if (isMeant) return true
  return record.type === 'free' && seenForMs > (hasRoom ? graceMs : 3 * graceMs)
}

/** Whether a node should hand this shard of its own over now. */
export function shouldGive(
  { state, sinceMs }: Pick<Tenure, 'state' | 'sinceMs'>,
  options: {
    /** By placement, and somebody is there to take it. */
    readonly isMeant: boolean
    readonly isLeaving: boolean
    /** Nobody else is there. */
    readonly isAlone: boolean
    readonly leaseMs: number
    readonly nowMs: number
  },
): boolean {
  const { isMeant, isLeaving, isAlone, leaseMs, nowMs } = options
  if (state !== 'held') return false
  if (isLeaving) return isMeant || isAlone
  return isMeant && nowMs - sinceMs > leaseMs * SETTLED_SHARE
}
