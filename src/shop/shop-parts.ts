/** What the shop is given. It owns none of these and never asks where they live. */
import type { Logger } from 'pino'
import type { Engine } from '../actors/engine.ts'
import type { SplitCoordinator } from '../actors/split-coordinator.ts'
import type { Tables } from '../persistence/tables/operations.ts'
import type { Clock } from '../seams.ts'
import type { Gateway } from './payments/gateway.ts'

export type ShopParts = {
  readonly engine: Pick<Engine, 'execute' | 'newReservationId'>
  readonly splits: Pick<SplitCoordinator, 'reserve' | 'change'>
  readonly tables: Tables
  /** Undefined where nothing is charged: cash on delivery is all there is. */
  readonly gateway: Gateway | undefined
  /** How long the gateway may take to answer. */
  readonly chargeTimeoutMs: number
  readonly clock: Pick<Clock, 'wallMs'>
  readonly log: Pick<Logger, 'error'>
}
