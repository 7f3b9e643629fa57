/** What the HTTP layer is given. It owns none of these and never asks where they live. */

import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { ReplyTo, Request } from '../actors/requests.ts'
import type { SplitCoordinator } from '../actors/split-coordinator.ts'
import type { Glance, Glanced } from '../actors/stock-glances.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { HistoryClient } from '../history/history-client.ts'
import type { Network } from '../ip-address.ts'
import type { ImageStore } from '../persistence/images/image-store.ts'
import type { Tables } from '../persistence/tables/operations.ts'
import type { TableKey } from '../persistence/tables/table-key.ts'
import type { Clock, Random } from '../seams.ts'
import type { SearchClient } from '../search/search-client.ts'
import type { Accounts } from '../shop/accounts/accounts.ts'
import type { SigningKeys } from '../shop/accounts/signing-keys.ts'
import type { Gateway } from '../shop/payments/gateway.ts'
import type { RestorationBoard } from '../shop/restoration/restoration-board.ts'
import type { DestinationPolicy } from '../shop/webhooks/destination.ts'
import type { Cooldowns } from './cooldowns.ts'
import type { OrderStreams } from './order-streams.ts'
import type { RateLimits } from './rate-limits.ts'
import type { StockStreams } from './stock-streams.ts'

/** Answers requests wherever their shard lives; rejects with `EngineError` and nothing else. */
export type ReservationEngine = {
  execute<R extends Request>(request: R): Promise<ReplyTo<R>>
  /** A fresh id that names the product's shard as the reservation's home. */
  newReservationId(productId: ProductId): ReservationId
  /** Whether so many wait for an answer that nobody else should be asked for units. */
  readonly isCrowded: boolean
}

/** Live stock that waits for no disk, and is there while a shard is down; rejects with `EngineError` and nothing else. */
export type StockBoard = {
  /** Undefined where the product has no stock. */
  glance(productId: ProductId): Glance | Promise<Glance>
  /** The same of many, in their order; an error stands where nothing can be said now. */
  glanceMany(productIds: readonly ProductId[]): readonly Glanced[] | Promise<readonly Glanced[]>
}

/** Reservations of several products, and what changes those of any; rejects with `EngineError` and nothing else. */
export type SplitReservations = Pick<SplitCoordinator, 'reserve' | 'change'>

export type Role = 'customer' | 'service' | 'staff' | 'admin'
export type KeyRole = Exclude<Role, 'customer'>

/**
 * Who is calling. A customer is one buyer and sees only what is theirs; everybody else sees all. Whoever has a `customerId`
 * is a person, and can buy; keys have none.
 */
export type Principal =
  | (Caller & { readonly role: 'customer'; readonly customerId: CustomerId })
  | (Caller & { readonly role: KeyRole; readonly customerId?: CustomerId | undefined })

type Caller = {
  readonly callerId: string
  /** Of a person who has signed in. */
  readonly sessionId?: string | undefined
}

export type Authenticator = {
  /** Undefined where the token is nobody's. At once where it can be: the hot path must not wait for a promise. */
  authenticate(token: string): Principal | undefined | Promise<Principal | undefined>
  /** Drops all that is remembered of a revoked key. */
  forget(keyId: string): void
}

export type ApiKeyEntry = {
  readonly id: string
  readonly name: string
  readonly role: KeyRole
  readonly createdBy: string
  readonly createdAtMs: number
}

/** `replayed` where this is the reply to an earlier call under the same idempotency key. */
type Replayable = { readonly replayed?: true }

/** The table of API keys, which holds hashes only. */
export type ApiKeys = {
  create(
    key: { readonly name: string; readonly role: KeyRole; readonly createdBy: string },
    once?: TableKey,
  ): Promise<Replayable & { readonly id: string; readonly key: string }>
  list(): Promise<readonly ApiKeyEntry[]>
  /** `revoked` is false where there is no such key. */
  revoke(id: string, once?: TableKey): Promise<Replayable & { readonly revoked: boolean }>
  /** `hash` is SHA-256 of the whole key, in lower-case hexadecimal. */
  findByHash(hash: string): Promise<{ readonly id: string; readonly role: KeyRole } | undefined>
}

export type Readiness = {
  readonly ready: boolean
  readonly parts: readonly {
    readonly name: string
    readonly ready: boolean
    readonly reason?: string | undefined
  }[]
}

export type Status = {
  readiness(): Readiness
  /** All metrics of this process in Prometheus' text format. */
  metricsText(): Promise<string>
}

/** Set once by the server when it begins to close; from then on every reply asks its client to go. */
export type Drain = { started: boolean }

export type HttpParts = {
  readonly engine: ReservationEngine
  readonly board: StockBoard
  readonly splits: SplitReservations
  /** Number of shards, fixed for the life of the data. */
  readonly shards: number
  readonly authenticator: Authenticator
  readonly rateLimits: RateLimits
  readonly cooldowns: Cooldowns
  /** Peers that are believed when they say whom they forward. */
  readonly trustedProxies: readonly Network[]
  /** Whose pages may read replies in a browser. */
  readonly corsOrigins: readonly string[]
  readonly apiKeys: ApiKeys
  /** Through which orders are paid; undefined where only cash on delivery is taken. */
  readonly gateway: Gateway | undefined
  /** How long it may take to answer. */
  readonly chargeTimeoutMs: number
  readonly orderStreams: OrderStreams
  /** Everything else that is kept in tables. */
  readonly tables: Tables
  /** Where subscribers' URLs may lead. */
  readonly webhookPolicy: DestinationPolicy
  readonly accounts: Accounts
  readonly signingKeys: Pick<SigningKeys, 'publicJwks'>
  readonly images: ImageStore
  readonly history: Pick<HistoryClient, 'ask'>
  readonly search: Pick<SearchClient, 'ask'>
  readonly streams: StockStreams
  /** Whether something was restored from a backup, so that nothing is sold until it is reconciled. */
  readonly restoration: Pick<RestorationBoard, 'isOpen'>
  readonly status: Status
  /** Whether `GET /metrics` needs no key. */
  readonly metricsPublic: boolean
  /** Where this listener's own metrics are registered. */
  readonly registry: Registry
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  readonly drain: Drain
  /** Shown by `/openapi.json` and `/docs`. */
  readonly version: string
}
