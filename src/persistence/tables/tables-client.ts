/**
 * A listener's way to the tables. Calls of one tick travel in one message; how many may wait is bounded, and every call
 * ends: with its reply, with a `TablesError`, or in time.
 */
import type { Port, Timer, Timers } from '../../seams.ts'
import type { ApiKey, ApiKeyHolder, NewApiKey } from './api-key.ts'
import type { ApiKeyRequest } from './api-keys.ts'
import type { TableKey } from './table-key.ts'
import { TablesError, type TablesErrorCode } from './tables-error.ts'
import {
  type FromTables,
  isRead,
  type Outcome,
  type Replayable,
  type ReplyTo,
  type Revocation,
  type TablesRequest,
  type ToTables,
  tablesCallsInFlightMax,
  tablesTimeoutMs,
} from './tables-protocol.ts'

/** All reject with `TablesError`. */
export type ApiKeysClient = {
  /** The only time that the key itself is told, but for repetitions under the same idempotency key. */
  create(request: ApiKeyRequest, key?: TableKey): Promise<NewApiKey & Replayable>
  /** Those not revoked, the newest first. */
  list(): Promise<readonly ApiKey[]>
  /** Says whether there was such a key, not revoked before. */
  revoke(id: string, key?: TableKey): Promise<Revocation>
  /** Who holds the key with this hash (`hashOfApiKey`), unless it is revoked. */
  findByHash(hash: string): Promise<ApiKeyHolder | undefined>
}

export type TablesClientOptions = {
  readonly timers: Timers
  readonly onRevoked: (id: string) => void
}

type Call = {
  readonly request: TablesRequest
  readonly timer: Timer
  readonly resolve: (outcome: Outcome) => void
}

export class TablesClient {
  readonly apiKeys: ApiKeysClient = {
    create: (request, key) => this.#call({ type: 'createApiKey', ...request, key }),
    list: () => this.#call({ type: 'listApiKeys' }),
    revoke: (id, key) => this.#call({ type: 'revokeApiKey', id, key }),
    findByHash: (hash) => this.#call({ type: 'findApiKey', hash }),
  }
  readonly #timers: Timers
  readonly #onRevoked: (id: string) => void
  #port: Port<FromTables, ToTables> | undefined
  /** Why there is no port. */
  #without: { readonly code: TablesErrorCode; readonly message: string } = {
    code: 'unavailable',
    message: 'The tables are not connected yet.',
  }
  readonly #calls = new Map<number, Call>()
  #unsent: { readonly call: number; readonly request: TablesRequest }[] = []
  #lastCall = 0

  /** `onRevoked` hears of every key revoked by anybody, before whoever revoked it has the answer. */
  constructor(options: TablesClientOptions) {
    this.#timers = options.timers
    this.#onRevoked = options.onRevoked
  }

  /** Speaks through this port from now on, as after a new start of the tables' thread. */
  connect(port: Port<FromTables, ToTables>): void {
    this.#disconnect('unavailable', 'The tables were started anew.')
    this.#port = port
    port.receive((message) => {
      if (this.#port === port) this.#receive(message)
    })
  }

  close(): void {
    this.#disconnect('shutting-down', 'The tables are closed.')
  }

  async #call<R extends TablesRequest>(request: R): Promise<ReplyTo<R>> {
    const outcome = await this.#ask(request)
    if (outcome.type === 'failed') throw new TablesError(outcome.code, outcome.message)
    // The server answers each type of request with its own type of reply; the union does not say which.
    return outcome.reply as ReplyTo<R>
  }

  async #ask(request: TablesRequest): Promise<Outcome> {
    if (this.#port === undefined) return { type: 'failed', ...this.#without }
    if (this.#calls.size >= tablesCallsInFlightMax) {
      return failed('overloaded', `${tablesCallsInFlightMax} calls to the tables wait already.`)
    }
    const call = ++this.#lastCall
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const timer = this.#timers.after(tablesTimeoutMs, () => this.#timeOut(call))
    this.#calls.set(call, { request, timer, resolve })
    this.#unsent.push({ call, request })
    if (this.#unsent.length === 1) this.#timers.soon(() => this.#sendUnsent())
    return promise
  }

  #sendUnsent(): void {
    if (this.#unsent.length === 0) return
    const requests = this.#unsent
    this.#unsent = []
    this.#port?.send({ requests })
  }

  #receive(message: FromTables): void {
    if (message.type === 'ended') {
      this.#disconnect(message.code, message.message)
      return
    }
    for (const id of message.revoked) this.#onRevoked(id)
    for (const { call, outcome } of message.outcomes) this.#settle(call, outcome)
  }

  #timeOut(call: number): void {
    this.#giveUp(call, 'unavailable', `The tables did not answer within ${tablesTimeoutMs} ms.`)
  }

  #disconnect(code: TablesErrorCode, message: string): void {
    this.#port?.close()
    this.#port = undefined
    this.#without = { code, message }
    const sent = new Set(this.#calls.keys())
    for (const { call } of this.#unsent) {
      sent.delete(call)
      this.#settle(call, failed(code, message))
    }
    this.#unsent = []
    for (const call of sent) this.#giveUp(call, code, message)
  }

  /** Ends a call whose request is on its way: of a write nobody can say whether it was made. */
  #giveUp(call: number, code: TablesErrorCode, message: string): void {
    const request = this.#calls.get(call)?.request
    if (request === undefined) return
    this.#settle(call, failed(isRead(request) ? code : 'outcome-unknown', message))
  }

  #settle(call: number, outcome: Outcome): void {
    const waiting = this.#calls.get(call)
    if (waiting === undefined) return
    this.#calls.delete(call)
    waiting.timer.cancel()
    waiting.resolve(outcome)
  }
}

function failed(code: TablesErrorCode, message: string): Outcome {
  return { type: 'failed', code, message }
}
