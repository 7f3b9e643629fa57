/** When a node takes a shard that placement means for it, or for somebody who does not come. */
import type { LeaseRecord } from './lease-record.ts'
import type { NodeId } from './placement.ts'

/** For whom a free shard is meant has so long before others below their share take it; thrice as long before anybody does. */
export const graceMs = 300

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
