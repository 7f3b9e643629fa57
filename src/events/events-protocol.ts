/** What main and the events' thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { EventsConfig } from '../config/event-settings.ts'
import type { FromKept, ToKept } from '../kept-thread.ts'
import type { RelayStatus } from './relay.ts'

export type BrokerConfig = Exclude<EventsConfig, { readonly type: 'none' }>

export type EventsData = {
  readonly broker: BrokerConfig
  readonly journalDirectory: string
  readonly shards: number
  /** The tables' file; where there is none they are asked. */
  readonly tablesPath: string | undefined
  /** Whether there may be other nodes, of which one tells. */
  readonly isShared: boolean
  /** Memory of the `EventsBoard`. */
  readonly board: SharedArrayBuffer
  readonly logLevel: string
  readonly crashPoint: string | undefined
  readonly ends: EventsEnds
}

export type EventsEnds = { readonly tables: MessagePort }

export type LeadEvents = { readonly type: 'lead'; readonly leads: boolean }
export type ToEvents = ToKept | LeadEvents
export type FromEvents = FromKept<RelayStatus>
