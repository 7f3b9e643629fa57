/** What main and the desk's thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { OutgoingConfig } from '../../config/outgoing-settings.ts'
import type { PaymentConfig } from '../../config/payment-settings.ts'
import type { Backlog } from '../../persistence/tables/orders/duty-operations.ts'
import type { SweeperCounters } from '../orders/sweeper.ts'

export type DeskData = {
  readonly shards: number
  readonly workers: number
  /** The tables' file, for reads; where there is none they are asked like writes. */
  readonly tablesPath: string | undefined
  /** Memory of the `DamageBoard`. */
  readonly damage: SharedArrayBuffer
  /** Memory of the `RestorationBoard`. */
  readonly restoration: SharedArrayBuffer
  /** Where this very server listens, without a path: the sandbox posts its webhooks there. */
  readonly origin: string
  readonly payments: PaymentConfig
  readonly outgoing: OutgoingConfig
  /** Where messages go that no mail server takes. */
  readonly mailDirectory: string
  readonly logLevel: string
  readonly crashPoint: string | undefined
  readonly ends: DeskEnds
}

export type DeskEnds = { readonly engine: MessagePort; readonly tables: MessagePort }

export type DeskStatus = {
  readonly sweeper: SweeperCounters
  readonly backlog: Backlog
  /** Of the order that has waited longest to be looked at. */
  readonly lateMs: number
}
