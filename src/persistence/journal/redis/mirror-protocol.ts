/** What main and the mirror's thread say to each other. */

import type { ShardId } from '../../../domain/ids.ts'
import type { FromKept, ToKept } from '../../../kept-thread.ts'
import type { StreamId } from '../frame.ts'
import type { MirrorStatus, ShardEnd } from './mirror.ts'

export type ToMirrorAlone = { readonly type: 'endOf'; readonly call: number; readonly shard: ShardId }
export type ToMirror = ToMirrorAlone | ToKept

export type OfMirror =
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly event: string
      readonly detail: object
    }
  | { readonly type: 'rolled'; readonly stream: StreamId; readonly segment: number }
  | { readonly type: 'end'; readonly call: number; readonly end: ShardEnd }
  | { readonly type: 'noEnd'; readonly call: number; readonly why: string; readonly isLost: boolean }
export type FromMirror = OfMirror | FromKept<readonly MirrorStatus[]>
