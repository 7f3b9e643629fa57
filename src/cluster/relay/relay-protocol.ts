/** What main and the relay's thread say to each other, beside what every kept thread says. */
import type { MessagePort } from 'node:worker_threads'
import type { ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import type { FromKept, ToKept } from '../../kept-thread.ts'

/** Where another node listens to its peers. */
export type NodeAddress = { readonly nodeId: string; readonly host: string; readonly port: number }

export type RelayData = {
  readonly nodeId: string
  /** Made of the cluster's secret (node-proof.ts). */
  readonly key: Uint8Array
  /** Where it listens; port 0 is any. */
  readonly host: string
  readonly port: number
}

export type ToRelay =
  /** These are the other nodes, and no others. */
  | { readonly type: 'meet'; readonly nodes: readonly NodeAddress[] }
  /** The other end is an engine's: what it asks goes to that life of the shard at that node. */
  | ({ readonly type: 'link'; readonly nodeId: string; readonly port: MessagePort } & ShardLife)
  /** Of this node's own workers. */
  | ({ readonly type: 'served' } & ServedShard)
  | ({ readonly type: 'ended' } & ShardLife)
  | { readonly type: 'quarantined'; readonly fingerprint: string }
  /** The other end is a life of this node's history. */
  | { readonly type: 'history'; readonly port: MessagePort }

export type FromRelay =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'deaf'; readonly error: Error }
  /** For a worker of this node: another node's engine, or what shows its board to others. */
  | ({ readonly type: 'connect'; readonly as: 'connect' | 'feed'; readonly port: MessagePort } & ShardLife)
  /** What another node says of its workers. */
  | ({ readonly type: 'served'; readonly nodeId: string } & ServedShard)
  | ({ readonly type: 'ended'; readonly nodeId: string } & ShardLife)
  | { readonly type: 'quarantined'; readonly fingerprint: string }
  /** It cannot be reached. */
  | { readonly type: 'lost'; readonly nodeId: string }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly event: string
      readonly detail: object
    }

export type RelayStatus = {
  /** Nodes that are to be reached, and whether they are. */
  readonly peers: readonly {
    readonly nodeId: string
    readonly isUp: boolean
    readonly waitingBytes: number
  }[]
  /** Nodes that ask here. */
  readonly callers: number
  /** Messages of calls that went to other nodes, and that came from them. */
  readonly sent: number
  readonly received: number
  /** Calls refused since the node they were for did not take what waited. */
  readonly refused: number
}

export type ToRelayThread = ToRelay | ToKept
export type FromRelayThread = FromRelay | FromKept<RelayStatus>
