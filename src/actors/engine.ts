/**
 * The engine as a caller sees it: a request goes in, a reply comes out, wherever the shard lives.
 *
 * One instance a listener thread. Calls of one tick to one worker travel in one message. Knows workers only as ports
 * that its supervisor gives and takes away.
 */
import type { MessagePort } from 'node:worker_threads'
import { assert } from '../domain/assert.ts'
import type { ProductId, ReservationId } from '../domain/ids.ts'
import {
  batchCommandsMax,
  callsCrowdedFrom,
  callsInFlightMax,
  commandDeadlineMs,
  poisonRememberedMax,
  replyTimeoutMs,
} from '../limits.ts'
import type { Clock, Port, PromptPort, Random, Timer, Timers } from '../seams.ts'
import { EngineError } from './engine-error.ts'
import { Parking } from './parking.ts'
import {
  type CallsMessage,
  type Cell,
  fingerprintOf,
  type RepliesMessage,
  readReplies,
  type ToEngine,
  type WorkerState,
  writeCall,
} from './protocol.ts'
import { isRead, type Reply, type ReplyTo, type Request, type WorkerRequest } from './requests.ts'
import { ReservationIds } from './reservation-ids.ts'
import { shardOfRequest, workerOf } from './routing.ts'
import { type Glance, type Glanced, StockGlances } from './stock-glances.ts'

export type EngineParts = {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  /** From the supervisor; nothing is sent back on it. */
  readonly control: Port<ToEngine, never>
  readonly portOf: (end: MessagePort) => PromptPort<RepliesMessage, CallsMessage>
  readonly shards: number
  readonly workers: number
}

type Call = {
  readonly request: WorkerRequest
  worker: number
  /** When it was asked, however often it had to be sent; before that, not a number. */
  askedAtMs: number
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: EngineError) => void
}

/** The way to one worker. */
type Link = {
  readonly worker: number
  port: PromptPort<RepliesMessage, CallsMessage> | undefined
  state: WorkerState
  cells: Cell[]
  /** Calls in `cells`. */
  gathered: number
  /** The newest call that has been sent to this life of the worker. */
  sentCallId: number
  /** The worker has said something: only then may it have looked at any call. */
  isHeard: boolean
  /** Calls above it nobody has looked at. */
  lastWord: number
  /** It takes no new calls any more. */
  isLeaving: boolean
}

export class Engine {
  readonly #parts: EngineParts
  readonly #links: readonly Link[]
  /** By call id, oldest first. */
  readonly #calls = new Map<number, Call>()
  readonly #quarantined = new Set<string>()
  readonly #ids: ReservationIds
  readonly #glances: StockGlances
  readonly #parking: Parking<Call>
  /** The answer to every call that is one too many, made once: refusing must stay far cheaper than serving. */
  readonly #overloaded = rejected(
    new EngineError('overloaded', `${callsInFlightMax} calls wait for an answer already`),
  )
  #lastCallId = 0
  #postIsDue = false
  #nowMs = 0
  #watch: Timer | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#ids = new ReservationIds(parts)
    this.#glances = new StockGlances((request) => this.#ask(request), parts)
    this.#parking = new Parking((call, worker) => call.reject(unavailable(this.#linkOf(worker))), parts)
    this.#links = Array.from({ length: parts.workers }, (_, worker) => ({
      worker,
      port: undefined,
      state: { type: 'starting' },
      cells: [],
      gathered: 0,
      sentCallId: 0,
      isHeard: false,
      lastWord: Number.POSITIVE_INFINITY,
      isLeaving: false,
    }))
    parts.control.receive((message) => this.#control(message))
  }

  /** Draws the id under which a reservation of this product is to be made: 80 random bits, and its home shard. */
  newReservationId(productId: ProductId): ReservationId {
    return this.#ids.draw(productId)
  }

  /**
   * Asks a shard. Resolves with its reply, which rests on nothing that is not durable; rejects with `EngineError`, whose
   * code says whether anything may have happened.
   */
  execute<R extends Request>(request: R): Promise<ReplyTo<R>> {
    return this.#ask(request)
  }

  #ask<R extends WorkerRequest>(request: R): Promise<ReplyTo<R>> {
    if (this.inFlight >= callsInFlightMax) return this.#overloaded
    return new Promise((resolve, reject) => {
      this.#send({
        request,
        worker: 0,
        askedAtMs: Number.NaN,
        resolve: resolve as (reply: Reply) => void,
        reject,
      })
    })
  }

  /**
   * A product's live stock, off the board of its shard: durable, whole, never older than what any answer has said, and no
   * disk is waited for. At once where the product was looked at before; else its shard is asked where it stands. While the
   * shard is down, as it was shown last. Rejects with `EngineError` only where it was never seen here and cannot be asked.
   */
  glance(productId: ProductId): Glance | Promise<Glance> {
    return this.#glances.at(productId)
  }

  /** The same of many, in their order; an error stands where nothing can be said now. */
  glanceMany(productIds: readonly ProductId[]): readonly Glanced[] | Promise<readonly Glanced[]> {
    return this.#glances.many(productIds)
  }

  /** Whether what a glance at this product says is kept up now; not so while its shard is down. */
  isShownLive(productId: ProductId): boolean {
    return this.#glances.isLive(productId)
  }

  /** Calls whose reply has not come, those included that wait for their shard. */
  get inFlight(): number {
    return this.#calls.size + this.#parking.size
  }

  /**
   * Whether those who want units should be turned away before anything is done for them: what is in flight already keeps
   * the workers busy. Costs next to nothing to ask.
   */
  get isCrowded(): boolean {
    return this.inFlight >= callsCrowdedFrom
  }

  /** What each worker can do, as far as this listener has heard. */
  workers(): readonly { readonly worker: number; readonly state: WorkerState }[] {
    return this.#links.map(({ worker, state }) => ({ worker, state }))
  }

  close(): void {
    this.#watch?.cancel()
    this.#parts.control.close()
    this.#parking.end()
    for (const link of this.#links) this.#cut(link)
  }

  #send(call: Call): void {
    const { request, resolve, reject } = call
    const { shards, workers, clock, timers } = this.#parts
    const shard = shardOfRequest(request, shards)
    const link = this.#links[workerOf(shard, workers)]
    // A reservation id is the caller's text: its last two characters may name a shard that does not exist.
    if (link === undefined || shard >= shards) {
      assert('reservationId' in request, 'a product is always of some shard')
      return resolve({ type: 'refused', refusal: { reason: 'unknownReservation' } })
    }
    call.worker = link.worker
    if (!serves(link)) return this.#park(link, call)
    if (this.#quarantined.size > 0 && this.#quarantined.has(fingerprintOf(request))) {
      const why = 'this command ended its shard several times and is not tried again'
      return reject(new EngineError('command-quarantined', why, { retryAfterSeconds: 3_600 }))
    }
    if (!this.#postIsDue) {
      this.#postIsDue = true
      this.#nowMs = clock.monotonicMs()
      timers.soon(() => this.#post())
    }
    this.#lastCallId += 1
    if (Number.isNaN(call.askedAtMs)) call.askedAtMs = this.#nowMs
    this.#calls.set(this.#lastCallId, call)
    writeCall(link.cells, this.#lastCallId, request)
    link.gathered += 1
    // A full turn's worth need not wait for the tick to end: the worker can begin.
    if (link.gathered >= batchCommandsMax) this.#postTo(link)
    if (this.#watch === undefined) this.#watchTime(replyTimeoutMs)
  }

  /** Of what this call asks for nothing has happened: it waits for its shard if it may, or hears that it cannot be had. */
  #park(link: Link, call: Call): void {
    if (Number.isNaN(call.askedAtMs)) call.askedAtMs = this.#parts.clock.monotonicMs()
    if (link.state.type !== 'stopped' && this.#parking.put(link.worker, call)) return
    call.reject(unavailable(link))
  }

  /** What this tick has gathered, in one message to each worker. */
  #post(): void {
    this.#postIsDue = false
    for (const link of this.#links) if (link.gathered > 0) this.#postTo(link)
  }

  #postTo(link: Link): void {
    const { cells } = link
    const lastCallId = this.#lastCallId
    link.cells = []
    link.gathered = 0
    link.sentCallId = lastCallId
    link.port?.send({ sentAtMs: this.#nowMs, cells, lastCallId })
  }

  #receive({ cells }: RepliesMessage): void {
    readReplies(
      cells,
      (callId) => this.#calls.get(callId)?.request,
      (callId, reply) => {
        const call = this.#calls.get(callId)
        if (call === undefined) return // it was given up; its caller knows that the outcome is unknown
        this.#calls.delete(callId)
        if (!(reply instanceof EngineError)) call.resolve(reply)
        else if (!this.#asksAgain(call, reply)) call.reject(reply)
      },
    )
  }

  /** Where its shard changes hands, a call that was refused for that alone is sent again once it may be. */
  #asksAgain(call: Call, { code }: EngineError): boolean {
    if (!this.#parking.isOpen || (code !== 'shutting-down' && code !== 'shard-unavailable')) return false
    const link = this.#linkOf(call.worker)
    if (code === 'shutting-down') link.isLeaving = true
    return link.state.type !== 'stopped' && this.#parking.put(link.worker, call)
  }

  #control(message: ToEngine): void {
    if (message.type === 'park') {
      this.#parking.forMs = message.forMs
      return
    }
    if (message.type === 'quarantine') {
      const [oldest] = this.#quarantined
      if (this.#quarantined.size >= poisonRememberedMax && oldest !== undefined)
        this.#quarantined.delete(oldest)
      this.#quarantined.add(message.fingerprint)
      return
    }
    const link = this.#linkOf(message.worker)
    if (message.type === 'down') this.#cut(link)
    else if (message.type === 'state') this.#become(link, message.state)
    else this.#connect(link, this.#parts.portOf(message.port))
  }

  #connect(link: Link, port: PromptPort<RepliesMessage, CallsMessage>): void {
    link.port = port
    link.isHeard = false
    link.lastWord = Number.POSITIVE_INFINITY
    link.isLeaving = false
    port.receive((replies) => {
      // What an ended worker still says of its board comes too late: its successor's may be there already.
      if (replies.board !== undefined && link.port === port) this.#glances.show(link.worker, replies.board)
      this.#receive(replies)
      if (link.port !== port) return
      link.isHeard = true
      if (replies.lastWord === undefined) return
      // A relay may have its own to add, and knows less than the worker.
      link.lastWord = Math.min(link.lastWord, replies.lastWord)
      link.isLeaving = true
    })
  }

  #become(link: Link, state: WorkerState): void {
    link.state = state
    if (!serves(link) && state.type !== 'stopped') return
    for (const call of this.#parking.take(link.worker)) this.#send(call)
  }

  /** The worker has ended: whatever it was asked to change may have happened, unless it was told that it has not. */
  #cut(link: Link): void {
    // What it said before its end is on the way here: nobody may be told that nothing is known of it.
    link.port?.receiveNow()
    this.#glances.noteEnd(link.worker)
    link.port?.close()
    link.port = undefined
    link.state = { type: 'starting' }
    link.cells = []
    link.gathered = 0
    const lastLooked = link.isHeard ? Math.min(link.lastWord, link.sentCallId) : 0
    for (const [callId, call] of this.#calls) {
      if (call.worker !== link.worker) continue
      this.#calls.delete(callId)
      if (callId > lastLooked || isRead(call.request)) this.#park(link, call)
      else call.reject(unknown('its shard stopped before it answered'))
    }
  }

  #linkOf(worker: number): Link {
    const link = this.#links[worker]
    assert(link !== undefined, 'the supervisor knows the number of workers')
    return link
  }

  /** Gives up calls that were not answered in time. One timer for all, set for the oldest. */
  #watchTime(delayMs: number): void {
    this.#watch = this.#parts.timers.after(delayMs, () => {
      this.#watch = undefined
      const nowMs = this.#parts.clock.monotonicMs()
      let nextMs = Number.POSITIVE_INFINITY
      for (const [callId, call] of this.#calls) {
        const leftMs = call.askedAtMs + replyTimeoutMs - nowMs
        if (leftMs > 0) nextMs = Math.min(nextMs, leftMs)
        // What was sent a second time was asked before its neighbours, but by no more than this.
        if (leftMs > commandDeadlineMs) break
        if (leftMs > 0) continue
        this.#calls.delete(callId)
        call.reject(
          isRead(call.request)
            ? new EngineError('overloaded', 'the shard did not answer in time')
            : unknown(`its shard did not answer within ${replyTimeoutMs} ms`),
        )
      }
      if (nextMs < Number.POSITIVE_INFINITY) this.#watchTime(nextMs)
    })
  }
}

/** Whether calls may be sent to it. */
function serves({ port, state, isLeaving }: Link): boolean {
  return port !== undefined && !isLeaving && (state.type === 'ready' || state.type === 'readOnly')
}

/** A promise for many callers. Each hears of the error where it awaits it; one that nobody was given is no failure. */
function rejected(error: EngineError): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}

function unavailable(link: Link): EngineError {
  const why =
    link.state.type === 'stopped' ? 'the shard is stopped until somebody acts' : 'the shard is recovering'
  return new EngineError('shard-unavailable', why)
}

function unknown(why: string): EngineError {
  return new EngineError('outcome-unknown', `whether the command took effect is not known: ${why}`)
}
