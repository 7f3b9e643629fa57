/**
 * Brings a reservation of several products about, from wherever the request came in (DESIGN.md, P1 to P5).
 *
 * It keeps nothing: should it stop half-way, holds whose outcome nobody told ask the home, and the home delivers again what
 * was not acknowledged. It only makes both rare.
 */
import { crashPoint } from '../crash-points.ts'
import type { HoldLines, Line, ReserveSplit } from '../domain/commands.ts'
import { worstOf } from '../domain/decide-split.ts'
import type { Refusal } from '../domain/decision.ts'
import { homeOf, type ShardId, shardOf } from '../domain/ids.ts'
import type { Settlement } from '../domain/split.ts'
import { replyTimeoutMs, settleWaitMs } from '../limits.ts'
import type { Clock, Timers } from '../seams.ts'
import type { CommandKey } from './command-key.ts'
import type { Engine } from './engine.ts'
import { EngineError } from './engine-error.ts'
import type {
  LinesHeld,
  Refused,
  Reply,
  ReservationReply,
  ReservationRequest,
  SplitHeldReply,
} from './requests.ts'

export type SeveralProducts = Pick<
  ReserveSplit,
  'reservationId' | 'customerId' | 'ttlMs' | 'allowPartial' | 'reference'
> & {
  /** One a product, by product id; the reservation's id names the shard of the first. */
  readonly lines: readonly Line[]
  readonly key: CommandKey | undefined
}

const TOOK_TOO_LONG = 'the reservation took too long and was given up'

/** The home said that there is no such reservation before it came to be made: under this id it never will be. */
export class GivenUp extends EngineError {
  constructor() {
    super('overloaded', TOOK_TOO_LONG)
  }
}

type Participant = { readonly shard: ShardId; readonly reply: LinesHeld | Refused }

export class SplitCoordinator {
  readonly #engine: Pick<Engine, 'execute'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #timers: Timers
  readonly #shards: number

  constructor(
    engine: Pick<Engine, 'execute'>,
    options: {
      readonly clock: Pick<Clock, 'monotonicMs'>
      readonly timers: Timers
      readonly shards: number
    },
  ) {
    this.#engine = engine
    this.#clock = options.clock
    this.#timers = options.timers
    this.#shards = options.shards
  }

  /** Holds every line, then makes the reservation; or nothing is held any more when this resolves or rejects. */
  async reserve(ask: SeveralProducts): Promise<SplitHeldReply | Refused> {
    const { reservationId, customerId, allowPartial, lines } = ask
    const home = homeOf(reservationId)
    // What was made before needs no stock, and nothing is to be held for it again.
    const before = ask.key === undefined ? undefined : await this.#answeredBefore(home, ask.key)
    if (before !== undefined) return before
    const startedMs = this.#clock.monotonicMs()
    const byShard = Map.groupBy(lines, ({ productId }) => shardOf(productId, this.#shards))
    const own = byShard.get(home) ?? []
    byShard.delete(home)
    const command: HoldLines = {
      type: 'holdLines',
      reservationId,
      shard: home,
      customerId,
      allowPartial,
      lines: [],
    }
    const answers = await Promise.allSettled(
      [...byShard].map(async ([shard, ofShard]): Promise<Participant> => {
        return { shard, reply: await this.#engine.execute({ ...command, shard, lines: ofShard }) }
      }),
    )
    const failed = answers.find((answer) => answer.status === 'rejected')
    const participants = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const holders = participants.flatMap(({ shard, reply }) => (reply.type === 'linesHeld' ? [shard] : []))
    // A home remembers for so long only that it told who asked that this will never be.
    if (this.#clock.monotonicMs() - startedMs > replyTimeoutMs) {
      await this.#abort(ask, [...byShard.keys()]).catch(ignoreEngineError)
      throw new EngineError('overloaded', TOOK_TOO_LONG)
    }
    if (failed !== undefined) {
      // Whether the one that did not answer holds anything is not known: it will ask, and hear that this is over.
      await this.#abort(ask, [...byShard.keys()]).catch(ignoreEngineError)
      throw asNothingHappened(failed.reason)
    }
    const refusals = participants.flatMap(({ reply }) => (reply.type === 'refused' ? [reply.refusal] : []))
    if (refusals.some((refusal) => !allowPartial || isHopeless(refusal))) {
      if (holders.length > 0) await this.#abort(ask, holders)
      return { type: 'refused', refusal: await this.#whatWasShort(ask, participants) }
    }
    const held = participants.flatMap(({ shard, reply }) =>
      reply.type === 'linesHeld' ? reply.lines.map((line) => ({ ...line, shard })) : [],
    )
    const ttls = participants.flatMap(({ reply }) => (reply.type === 'linesHeld' ? (reply.ttlMs ?? []) : []))
    crashPoint('split.afterHolds')
    let reply: SplitHeldReply | Refused
    try {
      reply = await this.#engine.execute({
        type: 'reserveSplit',
        reservationId,
        home,
        customerId,
        ttlMs: ask.ttlMs,
        allowPartial,
        reference: ask.reference,
        lines: own,
        heldElsewhere: held,
        ttlMsElsewhere: ttls.length === 0 ? undefined : Math.min(...ttls),
        key: ask.key,
      })
    } catch (error) {
      // 504 says that it may have been made: then the holds stay, and ask. Any other error says that it was not.
      if (error instanceof EngineError && error.code !== 'outcome-unknown' && holders.length > 0) {
        await this.#abort(ask, holders).catch(ignoreEngineError)
      }
      throw error
    }
    if (reply.type === 'refused') {
      if (holders.length > 0) await this.#abort(ask, holders)
      if (reply.refusal.reason === 'reservationExists') await this.#throwIfGivenUp(reservationId)
      if (reply.refusal.reason !== 'outOfStock' || allowPartial) return reply
      return {
        type: 'refused',
        refusal: await this.#whatWasShort(ask, [...participants, { shard: home, reply }]),
      }
    }
    crashPoint('split.afterMade')
    // A repetition under the same key held lines under another id where the first was made by another caller.
    if (reply.replayed === true && reply.reservationId !== reservationId && holders.length > 0) {
      await this.#abort(ask, holders)
    }
    return reply
  }

  async #answeredBefore(home: ShardId, key: CommandKey): Promise<SplitHeldReply | Refused | undefined> {
    const known = await this.#engine.execute({ type: 'readKey', shard: home, key })
    return known.type === 'done' ? undefined : known
  }

  /** Executes a command of a reservation, and delivers what it means for other shards before the reply goes on. */
  async change<R extends ReservationRequest>(request: R): Promise<ReservationReply | Refused> {
    const reply = (await this.#engine.execute(request)) as ReservationReply | Refused
    if (reply.type === 'reservation' && reply.unsettled.length > 0) {
      crashPoint('split.beforeDelivery')
      // A shard that is down hears of it from the home once it is back.
      const delivered = Promise.all(reply.unsettled.map((settlement) => this.deliver(settlement)))
      const enough = Promise.withResolvers<void>()
      const timer = this.#timers.after(settleWaitMs, enough.resolve)
      await Promise.race([delivered.catch(ignoreEngineError), enough.promise])
      timer.cancel()
    }
    return reply
  }

  /** Tells a shard what the home says, and the home that it was heard. */
  async deliver(settlement: Settlement): Promise<void> {
    await this.#engine.execute({ type: 'settle', ...settlement })
    crashPoint('split.beforeAcknowledge')
    const { reservationId, shard: participant, step } = settlement
    await this.#engine.execute({ type: 'acknowledge', reservationId, participant, step })
  }

  /** Asks the home what became of a reservation, and tells the shard that wanted to know. */
  async resolve(reservationId: SeveralProducts['reservationId'], participant: ShardId): Promise<void> {
    const outcome = await this.#engine.execute({ type: 'askOutcome', reservationId, participant })
    crashPoint('split.afterOutcome')
    if (outcome.type === 'outcome') await this.#engine.execute({ type: 'settle', ...outcome.settlement })
  }

  /** A hold that heard nothing for too long asked first, and was told that it is over. */
  async #throwIfGivenUp(reservationId: SeveralProducts['reservationId']): Promise<void> {
    const known = await this.#engine.execute({ type: 'readReservation', reservationId })
    if (known.type === 'refused') throw new GivenUp()
  }

  /** Makes sure at the home that the reservation will never be, then frees what is held for it (P5). */
  async #abort({ reservationId }: SeveralProducts, shards: readonly ShardId[]): Promise<void> {
    await Promise.all(shards.map((shard) => this.resolve(reservationId, shard)))
  }

  /** Why the whole was refused; where units were short, with what each line could have had without this request. */
  async #whatWasShort(ask: SeveralProducts, answers: readonly Participant[]): Promise<Refusal> {
    const refusals = answers.flatMap(({ reply }) => (reply.type === 'refused' ? [reply.refusal] : []))
    const order = ask.lines.map(({ productId }) => productId)
    const worst = worstOf(refusals, order)
    if (worst.reason !== 'outOfStock') return worst
    const known = new Map(worst.items.map((item) => [item.productId, item]))
    for (const { reply } of answers) {
      if (reply.type !== 'linesHeld') continue
      for (const { productId, quantity, available } of reply.lines) {
        known.set(productId, { productId, requested: quantity, available: available + quantity })
      }
    }
    const items = await Promise.all(
      ask.lines.map(async ({ productId, quantity: requested }) => {
        const item = known.get(productId)
        if (item !== undefined) return item
        const stock: Reply = await this.#engine.execute({ type: 'readStock', productId })
        return { productId, requested, available: stock.type === 'stock' ? stock.available : 0 }
      }),
    )
    return { reason: 'outOfStock', items }
  }
}

function isHopeless({ reason }: Refusal): boolean {
  return reason === 'unknownProduct' || reason === 'customerRequired'
}

/** The reservation cannot come into being any more, whatever became of a hold for it. */
function asNothingHappened(reason: unknown): unknown {
  if (!(reason instanceof EngineError) || reason.code !== 'outcome-unknown') return reason
  return new EngineError('shard-unavailable', 'a shard did not answer, and the reservation was given up', {
    cause: reason,
  })
}

function ignoreEngineError(error: unknown): void {
  if (!(error instanceof EngineError)) throw error
}
