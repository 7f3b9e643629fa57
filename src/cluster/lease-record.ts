/** What stands in Redis of a shard's lease. */
import type { NodeId } from './placement.ts'

export type LeaseRecord =
  | { readonly type: 'free' }
  /** For a moment only this node may take it. */
  | { readonly type: 'promised'; readonly to: NodeId }
  | {
      readonly type: 'held'
      readonly node: NodeId
      /** Tells this tenure from any other one, the same node's included. */
      readonly token: string
      readonly address: string
      /** Whom it is about to be handed to. */
      readonly to: NodeId | undefined
    }

export const leaseFields = ['node', 'token', 'address', 'to'] as const

/** Of the values of `leaseFields`, as HMGET answers. */
export function readLease(values: readonly (string | null)[]): LeaseRecord {
  const [node, token, address, to] = values
  if (node) return { type: 'held', node, token: token ?? '', address: address ?? '', to: to ?? undefined }
  return to ? { type: 'promised', to } : { type: 'free' }
}
