/**
 * Three shards that decide as the engine's do, and what is on its way between them: the messages of reservations of several
 * products, which may be late, lost, heard twice or out of order, and their coordinators, which may stop at any step.
 */
import { InvariantBroken } from '../../src/domain/assert.ts'
import type {
  Acknowledge,
  AskOutcome,
  Command,
  HoldLines,
  JoinWaitlist,
  ReservationCommand,
  ReserveSplit,
  Settle,
} from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { homeOf, type ProductId, type ReservationId, type ShardId } from '../../src/domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../src/domain/key-table.ts'
import { abortedStep, settlementFor } from '../../src/domain/split.ts'
import { availableOf, emptyShard, type ShardState, type Stock } from '../../src/domain/stock.ts'
import { serveLine } from '../../src/domain/waitlist.ts'
import type { Verdict } from './booking.ts'
import { noonMs } from './examples.ts'
import { settleLines } from './given.ts'
import { type Draft, products, type ShardStep, shardOfProduct, shards } from './random-shard-steps.ts'
import { splitIdOf } from './split-examples.ts'

export type Chapter = { readonly event: Event; readonly atMs: number }
export type WorldShard = { readonly id: ShardId; state: ShardState; readonly journal: Chapter[] }

/** Who looks on, and compares. */
export type Watcher = {
  decided(
    command: Command,
    verdict: Verdict,
    at: { readonly shard: WorldShard; readonly nowMs: number },
  ): void
  served(productId: ProductId, max: number, at: { readonly hasMore: boolean; readonly nowMs: number }): void
  evolved(shard: WorldShard, event: Event, grewBytes: number): void
  restarted(shard: WorldShard, before: ShardState, waiting: ReadonlySet<ProductId>): void
}

type Between = HoldLines | ReserveSplit | AskOutcome | Settle | Acknowledge | JoinWaitlist
type Message = { readonly to: ShardId; readonly command: Between; readonly untilMs: number }

/** What somebody waits for who wants several products. */
type Attempt = {
  readonly id: ReservationId
  readonly asks: Omit<ReserveSplit, 'heldElsewhere' | 'ttlMsElsewhere'>
  /** By shard that is not the home: what it said. */
  readonly answers: Map<ShardId, HeldThere | Refusal | undefined>
  stage: 'gathering' | 'making' | 'over'
}

type HeldThere = { readonly lines: ReserveSplit['heldElsewhere']; readonly ttlMs: number | undefined }

/** After it a command that holds anything is refused undecided: its sender has given up. */
const DEADLINE_MS = 5_000
const FOREVER = Number.POSITIVE_INFINITY

export class World {
  readonly shards: readonly WorldShard[] = shards.map((id) => ({ id, state: emptyShard(), journal: [] }))
  readonly attempts: Attempt[] = []
  /** Products whose line was not served to its end. */
  readonly stillWaiting = new Set<ProductId>()
  nowMs = noonMs
  readonly #watcher: Watcher | undefined
  readonly #pending: Message[] = []
  readonly #sent: Message[] = []
  /** Of one product or of several, in the order of making. */
  readonly #made: ReservationId[] = []
  #drawn = 0
  #servedMax = 32

  constructor(watcher?: Watcher) {
    this.#watcher = watcher
    for (const [i, productId] of products.entries())
      this.#command({ type: 'adjust', productId, change: { delta: 2 + i }, reason: '', reference: undefined })
  }

  /** Answers what was done, and how it went; `undefined` where there was nothing to do it with. */
  step({ waitMs, servedMax, draft }: ShardStep): string | undefined {
    this.nowMs += waitMs
    this.#servedMax = servedMax
    this.#dropLate()
    const verdict = this.#perform(draft)
    return verdict && `${draft.type}: ${verdict}`
  }

  /** Lets every message arrive and every doubt be asked, until nobody has anything to say. */
  settle(): void {
    this.#servedMax = 32
    for (let round = 0; round < 4; round++) {
      for (const productId of [...this.stillWaiting]) this.#goOn(productId)
      this.#dropLate()
      for (let message = this.#pending.shift(); message !== undefined; message = this.#pending.shift())
        this.#hear(message)
      for (const { id, state } of this.shards) {
        for (const [reservationId, holds] of state.holds) {
          if (homeOf(reservationId) !== id && holds.some(({ step }) => step === 0))
            this.#ask(reservationId, id)
        }
        for (const split of state.splits.values()) this.#tell(split.id)
      }
    }
  }

  stockOf(productId: ProductId): Stock | undefined {
    return this.#shard(shardOfProduct(productId)).state.products.get(productId)
  }

  #perform(draft: Draft): string | undefined {
    switch (draft.type) {
      case 'reserve': {
        const reservationId = this.#draw(shardOfProduct(draft.productId))
        return this.#command({
          ...draft,
          type: 'reserve',
          reservationId,
          ttlMs: undefined,
          reference: undefined,
        })
      }
      case 'several':
        return this.#begin(draft)
      case 'deliver':
        return this.#hear(this.#pending.splice(indexOf(this.#pending, draft.recency), 1)[0])
      case 'deliverAgain':
        return this.#hear(recent(this.#sent, draft.recency))
      case 'lose':
        return this.#pending.splice(indexOf(this.#pending, draft.recency), 1)[0]?.command.type
      case 'giveUp': {
        const attempt = recent(this.attempts, draft.recency)
        if (attempt === undefined) return undefined
        for (const shard of attempt.answers.keys()) this.#ask(attempt.id, shard)
        return attempt.stage
      }
      case 'doubt': {
        const doubtful = this.shards.flatMap(({ id, state }) =>
          [...state.holds.keys()].filter((of) => homeOf(of) !== id).map((of) => [of, id] as const),
        )
        const hold = recent(doubtful, draft.recency)
        if (hold === undefined) return undefined
        this.#ask(...hold)
        return 'asks'
      }
      case 'redeliver': {
        const unsettled = this.shards.flatMap(({ state }) =>
          [...state.splits.values()].filter((split) => split.unsettled.size > 0),
        )
        const split = recent(unsettled, draft.recency)
        if (split !== undefined) this.#tell(split.id)
        return split && 'tells'
      }
      case 'goOn': {
        const productId = recent([...this.stillWaiting], draft.recency)
        if (productId !== undefined) this.#goOn(productId)
        return productId && 'serves'
      }
      case 'restart':
        return this.#restart(this.#shard(draft.shard))
      case 'key':
        return this.#key(draft)
      case 'forgetAbort': {
        const aborted = this.shards.flatMap(({ id, state }) =>
          [...state.aborted.keys()].map((of) => [of, id] as const),
        )
        const found = recent(aborted, draft.recency)
        if (found === undefined) return undefined
        const [reservationId, shard] = found
        this.#dropAll(reservationId)
        this.#apply(this.#shard(shard), { type: 'AbortForgotten', reservationId })
        return 'done'
      }
      case 'add':
        return this.#command(adjustment(draft.productId, { delta: draft.delta }))
      case 'set':
        return this.#command(adjustment(draft.productId, { set: draft.set, expectedVersion: undefined }))
      case 'openSale':
        return this.#command({ type: 'scheduleSale', productId: draft.productId, sale: {} })
      case 'scheduleSale': {
        const { opensInMs, closesInMs, perCustomerLimit, maxPerReservation, holdTtlMs } = draft
        const opensAtMs = opensInMs === undefined ? undefined : this.nowMs + opensInMs
        const closesAtMs = closesInMs === undefined ? undefined : this.nowMs + closesInMs
        const sale = { opensAtMs, closesAtMs, perCustomerLimit, maxPerReservation, holdTtlMs }
        return this.#command({ type: 'scheduleSale', productId: draft.productId, sale })
      }
      case 'retire':
        return this.#command({ type: 'retire', productId: draft.productId })
      case 'leaveWaitlist': {
        const { productId, recency } = draft
        // Mostly somebody who stands there.
        const there = [...(this.stockOf(productId)?.waitlist?.line.keys() ?? [])]
        const customerId = recent(there, recency) ?? draft.customerId
        return this.#command({ type: 'leaveWaitlist', productId, customerId })
      }
      case 'joinWaitlist': {
        const to = shardOfProduct(draft.productId)
        const command = { ...draft, type: 'joinWaitlist' as const, reservationId: this.#draw(to) }
        this.#sent.push({ to, command, untilMs: FOREVER })
        return this.#command(command)
      }
      default:
        return this.#change(draft)
    }
  }

  /** A command of a reservation, at its home. */
  #change(draft: Extract<Draft, { type: ReservationCommand['type'] }>): string | undefined {
    const reservationId = recent(this.#made, draft.recency)
    if (reservationId === undefined) return undefined
    const command = this.#changeOf(draft, reservationId)
    // By then no command that holds units for it can still be on its way.
    if (command.type === 'closeReturns' || command.type === 'forget') this.#dropAll(reservationId)
    const verdict = this.#command(command)
    this.#tell(reservationId)
    return verdict
  }

  #changeOf(
    draft: Extract<Draft, { type: ReservationCommand['type'] }>,
    reservationId: ReservationId,
  ): ReservationCommand {
    const { state } = this.#shard(homeOf(reservationId))
    const split = state.splits.get(reservationId)
    const own = split?.lines.map(({ productId }) => productId) ?? [
      state.reservations.get(reservationId)?.stock.productId,
    ]
    const itemsOf = (items: readonly { at: number; quantity: number }[] | undefined) =>
      items?.map(({ at, quantity }) => ({ productId: own[at] ?? (products[at] as ProductId), quantity }))
    switch (draft.type) {
      case 'extend':
        return { type: 'extend', reservationId, ttlMs: draft.ttlMs }
      case 'startPayment':
        return { type: 'startPayment', reservationId, payingMs: draft.payingMs }
      case 'release':
        return { type: 'release', reservationId, items: itemsOf(draft.items) }
      case 'confirm':
        return { type: 'confirm', reservationId, items: itemsOf(draft.items), reference: undefined }
      case 'return':
        return { type: 'return', reservationId, items: itemsOf(draft.items), reason: 'too small' }
      default:
        return { type: draft.type, reservationId }
    }
  }

  // ---- Reservations of several products --------------------------------------------------------------------------------

  #begin({ lines, customerId, allowPartial, ttlMs }: Extract<Draft, { type: 'several' }>): string {
    const inOrder = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
    const home = shardOfProduct((inOrder[0] as { productId: ProductId }).productId)
    const id = this.#draw(home)
    const byShard = Map.groupBy(inOrder, ({ productId }) => shardOfProduct(productId))
    const common = { reservationId: id, customerId, allowPartial }
    const own = byShard.get(home) ?? []
    byShard.delete(home)
    const asks = { type: 'reserveSplit', ...common, home, ttlMs, reference: undefined, lines: own } as const
    const answers = new Map([...byShard.keys()].map((shard) => [shard, undefined] as const))
    const attempt: Attempt = { id, asks, answers: new Map(answers), stage: 'gathering' }
    this.attempts.push(attempt)
    for (const [shard, ofShard] of byShard)
      this.#send(shard, { type: 'holdLines', ...common, shard, lines: ofShard }, DEADLINE_MS)
    this.#makeIfGathered(attempt)
    return 'begins'
  }

  #makeIfGathered(attempt: Attempt): void {
    const answers = [...attempt.answers]
    if (attempt.stage !== 'gathering' || answers.some(([, answer]) => answer === undefined)) return
    const refusals = answers.flatMap(([, answer]) =>
      answer !== undefined && 'reason' in answer ? [answer] : [],
    )
    if (refusals.some((refusal) => !attempt.asks.allowPartial || isHopeless(refusal))) {
      attempt.stage = 'over'
      this.#abort(attempt)
      return
    }
    const held = answers.flatMap(([, answer]) => (answer !== undefined && 'lines' in answer ? [answer] : []))
    const ttls = held.flatMap(({ ttlMs }) => ttlMs ?? [])
    const command: ReserveSplit = {
      ...attempt.asks,
      heldElsewhere: held.flatMap(({ lines }) => lines),
      ttlMsElsewhere: ttls.length === 0 ? undefined : Math.min(...ttls),
    }
    attempt.stage = 'making'
    this.#send(command.home, command, DEADLINE_MS)
  }

  #abort({ id, answers }: Attempt): void {
    for (const [shard, answer] of answers) if (answer !== undefined && 'lines' in answer) this.#ask(id, shard)
  }

  #ask(reservationId: ReservationId, participant: ShardId): void {
    this.#send(homeOf(reservationId), { type: 'askOutcome', reservationId, participant })
  }

  /** Whatever its home has to say to others. */
  #tell(reservationId: ReservationId): void {
    const split = this.#shard(homeOf(reservationId)).state.splits.get(reservationId)
    for (const shard of split?.unsettled ?? [])
      if (split !== undefined) this.#send(shard, { type: 'settle', ...settlementFor(split, shard) })
  }

  #send(to: ShardId, command: Between, lastsMs: number = FOREVER): void {
    const message = { to, command, untilMs: this.nowMs + lastsMs }
    this.#pending.push(message)
    this.#sent.push(message)
  }

  /** What a message brings about, and the answer's way back. */
  #hear(message: Message | undefined): string | undefined {
    if (message === undefined) return undefined
    const { command } = message
    const { reservationId } = command
    const verdict = this.#command(command, message.to)
    const { state } = this.#shard(message.to)
    const isAccepted = verdict === 'done' || verdict === 'nothing'
    const attempt = this.attempts.find(({ id }) => id === reservationId)
    switch (command.type) {
      case 'holdLines': {
        if (attempt?.stage !== 'gathering') break
        const holds = state.holds.get(reservationId) ?? []
        const ttls = holds.flatMap(({ stock }) => stock.sale.holdTtlMs ?? [])
        const lines = holds.map(({ stock, held, holdVersion }) => {
          const { productId } = stock
          const available = availableOf(stock)
          return { productId, shard: message.to, quantity: held, available, holdVersion }
        })
        const ttlMs = ttls.length === 0 ? undefined : Math.min(...ttls)
        attempt.answers.set(message.to, isAccepted ? { lines, ttlMs } : refusalOf(verdict))
        this.#makeIfGathered(attempt)
        break
      }
      case 'reserveSplit':
        if (attempt === undefined) break
        attempt.stage = 'over'
        if (!isAccepted) this.#abort(attempt)
        break
      case 'askOutcome': {
        const split = state.splits.get(reservationId)
        const { participant: shard } = command
        const isPart = split?.lines.some((line) => line.shard === shard) === true
        const none = { reservationId, shard, step: abortedStep, lines: [], closed: false }
        this.#send(shard, { type: 'settle', ...(isPart ? settlementFor(split, shard) : none) })
        break
      }
      case 'settle': {
        const { shard: participant, step } = command
        this.#send(homeOf(reservationId), { type: 'acknowledge', reservationId, participant, step })
      }
    }
    return `${command.type} ${verdict}`
  }

  #dropLate(): void {
    this.#drop(({ untilMs }) => untilMs < this.nowMs)
  }

  /** Commands that hold units for a reservation, now long past their time. */
  #dropAll(id: ReservationId): void {
    const late = ['holdLines', 'reserveSplit', 'joinWaitlist']
    this.#drop(({ command }) => command.reservationId === id && late.includes(command.type))
  }

  #drop(isDropped: (message: Message) => boolean): void {
    for (const list of [this.#pending, this.#sent]) {
      for (let at = list.length - 1; at >= 0; at--) if (isDropped(list[at] as Message)) list.splice(at, 1)
    }
  }

  // ---- One shard -------------------------------------------------------------------------------------------------------

  #command(command: Command, to: ShardId = shardOfCommand(command)): Verdict {
    const shard = this.#shard(to)
    const verdict = this.#decide(shard, command)
    this.#watcher?.decided(command, verdict, { shard, nowMs: this.nowMs })
    for (const stock of [...shard.state.unserved]) this.#serve(shard, stock)
    settleLines(shard.state)
    return verdict
  }

  #decide(shard: WorldShard, command: Command): Verdict {
    const decision = this.#tryToDecide(shard.state, command)
    if (decision === undefined) return 'broken'
    if (decision.type === 'refused') return decision.refusal.reason
    for (const event of decision.events) this.#apply(shard, event)
    return decision.events.length === 0 ? 'nothing' : 'done'
  }

  #tryToDecide(state: ShardState, command: Command) {
    try {
      return decide(state, command, this.nowMs)
    } catch (error) {
      if (error instanceof InvariantBroken) return undefined
      throw error
    }
  }

  #goOn(productId: ProductId): void {
    const shard = this.#shard(shardOfProduct(productId))
    const stock = shard.state.products.get(productId)
    if (stock !== undefined) this.#serve(shard, stock)
    settleLines(shard.state)
  }

  #serve(shard: WorldShard, stock: Stock): void {
    const { events, hasMore } = serveLine(stock, this.nowMs, this.#servedMax)
    for (const event of events) this.#apply(shard, event)
    if (hasMore) this.stillWaiting.add(stock.productId)
    else this.stillWaiting.delete(stock.productId)
    this.#watcher?.served(stock.productId, this.#servedMax, { hasMore, nowMs: this.nowMs })
  }

  #apply(shard: WorldShard, event: Event): void {
    const { footprintBytes } = shard.state
    evolve(shard.state, event, this.nowMs)
    shard.journal.push({ event, atMs: this.nowMs })
    if (event.type === 'UnitsHeld' || event.type === 'SplitHeld' || event.type === 'WaitlistServed')
      this.#made.push(event.reservationId)
    this.#watcher?.evolved(shard, event, shard.state.footprintBytes - footprintBytes)
  }

  /** From the journal alone; a line that was being served goes on. */
  #restart(shard: WorldShard): string {
    const before = shard.state
    shard.state = emptyShard()
    for (const { event, atMs } of shard.journal) evolve(shard.state, event, atMs)
    settleLines(shard.state)
    for (const stock of shard.state.products.values()) {
      if (serveLine(stock, this.nowMs, 0).hasMore) this.stillWaiting.add(stock.productId)
      else this.stillWaiting.delete(stock.productId)
    }
    this.#watcher?.restarted(shard, before, this.stillWaiting)
    return 'replays'
  }

  #key({ shard: id, does, number, length }: Extract<Draft, { type: 'key' }>): string {
    const shard = this.#shard(id)
    const hash = String(number).repeat(16) as KeyHash
    const fingerprint = 'same one' as Fingerprint
    const { keys } = shard.state
    const kind = keys.find(hash)?.kind
    if (does === 'claim' && kind === undefined)
      this.#apply(shard, { type: 'KeyClaimed', hash, fingerprint, reservationId: this.#draw(id) })
    else if (does === 'answer' && kind !== 'answer')
      this.#apply(shard, { type: 'KeyAnswered', hash, fingerprint, answer: '\xff'.repeat(length) })
    else if (does === 'free' && kind === 'claim') this.#apply(shard, { type: 'KeyFreed', hash })
    else if (does === 'forget' && keys.size > 0)
      this.#apply(shard, { type: 'KeysForgotten', count: 1 + (number % keys.size) })
    else return 'nothing'
    return does
  }

  #shard(id: ShardId): WorldShard {
    return this.shards[id] as WorldShard
  }

  #draw(home: ShardId): ReservationId {
    this.#drawn += 1
    return splitIdOf(this.#drawn, home)
  }
}

function shardOfCommand(command: Command): ShardId {
  if ('productId' in command) return shardOfProduct(command.productId)
  return homeOf(command.reservationId)
}

function adjustment(productId: ProductId, change: Extract<Command, { type: 'adjust' }>['change']): Command {
  return { type: 'adjust', productId, change, reason: 'count', reference: undefined }
}

/** 0 is the newest. */
function recent<T>(all: readonly T[], recency: number): T | undefined {
  return all[indexOf(all, recency)]
}

function indexOf(all: readonly unknown[], recency: number): number {
  return Math.max(0, all.length - 1 - (recency % Math.max(1, all.length)))
}

function isHopeless({ reason }: Refusal): boolean {
  return reason === 'unknownProduct' || reason === 'customerRequired'
}

function refusalOf(verdict: Verdict): Refusal {
  return { reason: verdict } as Refusal
}
