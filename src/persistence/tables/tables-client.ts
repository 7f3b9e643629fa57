/**
 * A listener's way to the tables. Calls of one tick travel in one message; how many may wait is bounded, and every call
 * ends: with its reply, with a `TablesError`, or in time.
 */
import type { Port, Timer, Timers } from '../../seams.ts'
import type { Replayable } from './idempotency-records.ts'
import type { Notice } from './operation.ts'
import type { AnswerOf, ArgsOf, ReadName, Tables, WriteName } from './operations.ts'
import type { RevocationCount } from './revocation-count.ts'
import type { TableKey } from './table-key.ts'
import { TablesError, type TablesErrorCode } from './tables-error.ts'
import {
  type FromTables,
  isRead,
  type Outcome,
  type TablesRequest,
  type ToTables,
  tablesCallsInFlightMax,
  tablesTimeoutMs,
} from './tables-protocol.ts'
import type { TablesReader } from './tables-reader.ts'
import type { TablesSharing } from './tables-sharing.ts'

export type TablesClientOptions = {
  readonly timers: Timers
  /** Hears of every change of these kinds by anybody, before whoever made it has the answer. */
  readonly onNotice: (notice: Notice) => void
  /** Answers reads in this thread; without one they go to the tables' thread too. */
  readonly reader?: TablesReader
  /** The tables' own; without one this thread cannot know that it is behind. */
  readonly revocations?: RevocationCount
  /** Without it they are taken to be everybody's. */
  readonly sharing?: TablesSharing
}

type Call = {
  readonly request: TablesRequest
  readonly timer: Timer
  readonly resolve: (outcome: Outcome) => void
}

export class TablesClient implements Tables {
  readonly #timers: Timers
  readonly #onNotice: (notice: Notice) => void
  readonly #reader: TablesReader | undefined
  readonly #revocations: RevocationCount | undefined
  readonly #sharing: TablesSharing | undefined
  #revocationsHeard = 0
  #port: Port<FromTables, ToTables> | undefined
  /** Why there is no port. */
  #without: { readonly code: TablesErrorCode; readonly message: string } = {
    code: 'unavailable',
    message: 'The tables are not connected yet.',
  }
  readonly #calls = new Map<number, Call>()
  #unsent: { readonly call: number; readonly request: TablesRequest }[] = []
  #lastCall = 0

  constructor(options: TablesClientOptions) {
    this.#timers = options.timers
    this.#onNotice = options.onNotice
    this.#reader = options.reader
    this.#revocations = options.revocations
    this.#sharing = options.sharing
  }

  /** Whether something was revoked of which `onNotice` has not heard yet: what was remembered before may be over. */
  get isBehind(): boolean {
    return this.#revocations !== undefined && this.#revocations.told !== this.#revocationsHeard
  }

  async read<N extends ReadName>(name: N, args: ArgsOf<N>): Promise<AnswerOf<N>> {
    if (this.#sharing?.isApart === true) throw notShared()
    if (this.#reader !== undefined) return this.#reader.read(name, args)
    return this.#call<AnswerOf<N>>({ name, args })
  }

  write<N extends WriteName>(name: N, args: ArgsOf<N>, key?: TableKey): Promise<AnswerOf<N> & Replayable> {
    return this.#call<AnswerOf<N> & Replayable>({ name, args, key })
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
    this.#reader?.close()
  }

  async #call<Reply>(request: TablesRequest): Promise<Reply> {
    if (this.#sharing?.isApart === true) throw notShared()
    const outcome = await this.#ask(request)
    if (outcome.type === 'failed') throw new TablesError(outcome.code, outcome.message)
    // The server answers each name with what its operation answers; the message does not say so.
    return outcome.reply as Reply
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
    for (const notice of message.notices) this.#onNotice(notice)
    this.#revocationsHeard = message.revocations
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

function notShared(): TablesError {
  return new TablesError('not-shared', 'There are several nodes, and each has tables of its own.')
}
