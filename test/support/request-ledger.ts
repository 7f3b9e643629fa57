/**
 * What was asked of a server and what it said, kept outside the process that may die.
 *
 * Every request that changes something carries a tag of its own, which ends up in the event it causes: as `reference` of
 * a reservation, as `reason` of an adjustment. So each event has exactly one request to answer for it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Answer, CallOutcome } from './http-call.ts'

/** Who asks: the caller's id that idempotency keys belong to. */
export const adminKeyId = 'key_admin'

/** What is known of a request's effect. */
export type Known =
  | 'acknowledged'
  /** Answered, and nothing happened: refusals of the rules, and every 503. */
  | 'refused'
  /** Not answered, or answered that the outcome is unknown. */
  | 'unknown'

export type Line = { readonly productId: string; readonly quantity: number }

export type AskedReserve = {
  readonly tag: string
  /** One a product, by product id. */
  readonly lines: readonly Line[]
  readonly customerId: string | undefined
  /** Its `Idempotency-Key`. */
  readonly key: string | undefined
  known: Known
  /** How often it was answered, or was not. */
  answers: number
  /** It was refused after an outcome that is unknown, and what that was of may have come later than the refusal. */
  mayComeLate?: boolean
  /** Of an acknowledged one. */
  reservationId?: string
  /** Of each line. */
  available?: readonly number[]
  expiresAtMs?: number
  sequence?: number
}

export type AskedSettlement = {
  readonly kind: 'confirm' | 'release'
  readonly reservationId: string
  /** Units it should settle of each line. */
  readonly quantities: readonly number[]
  /** As it was sent; absent where it names no part. */
  readonly items: readonly Line[] | undefined
  readonly key: string | undefined
  known: Known
  answers: number
  mayComeLate?: boolean
}

export type AskedAdjustment = {
  readonly tag: string
  readonly productId: string
  readonly delta: number
  known: Known
}

/** A reservation that can be settled, as far as anybody knows. */
export type Held = {
  readonly reservationId: string
  /** By product id. */
  readonly lines: readonly { readonly productId: string; quantity: number }[]
}

/** What can be asked again, and must then be answered as if it had been answered the first time. */
export type Doubtful =
  | { readonly type: 'reserve'; readonly asked: AskedReserve }
  | { readonly type: 'settlement'; readonly asked: AskedSettlement }

export class RequestLedger {
  readonly reserves = new Map<string, AskedReserve>()
  /** By reservation, in the order they were asked: never two of one at a time. */
  readonly settlements = new Map<string, AskedSettlement[]>()
  readonly adjustments = new Map<string, AskedAdjustment>()
  /** Answers nobody expected, such as 500. */
  readonly strange: string[] = []
  readonly #hasLateArrivals: boolean
  #lastTag = 0

  /** Where many machines lie between who asks and who answers, an earlier request may come after a later one. */
  constructor({ hasLateArrivals = false }: { readonly hasLateArrivals?: boolean } = {}) {
    this.#hasLateArrivals = hasLateArrivals
  }

  /** A book of its own that begins as a copy of this one. */
  copy(): RequestLedger {
    const copy = new RequestLedger({ hasLateArrivals: this.#hasLateArrivals })
    for (const [tag, asked] of this.reserves) copy.reserves.set(tag, { ...asked })
    for (const [tag, asked] of this.adjustments) copy.adjustments.set(tag, { ...asked })
    for (const [id, asked] of this.settlements)
      copy.settlements.set(
        id,
        asked.map((one) => ({ ...one })),
      )
    copy.#lastTag = this.#lastTag
    return copy
  }

  newTag(): string {
    this.#lastTag += 1
    return `tag-${this.#lastTag}`
  }

  reserve(productId: string, quantity: number, customerId?: string): AskedReserve {
    return this.reserveSeveral([{ productId, quantity }], { customerId })
  }

  reserveSeveral(
    lines: readonly Line[],
    { customerId, isKeyed = false }: { readonly customerId?: string | undefined; readonly isKeyed?: boolean },
  ): AskedReserve {
    const tag = this.newTag()
    const byProduct = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
    const key = isKeyed ? `key-${tag}` : undefined
    const asked: AskedReserve = { tag, lines: byProduct, customerId, key, known: 'unknown', answers: 0 }
    this.reserves.set(tag, asked)
    return asked
  }

  /** Notes the answer; gives the reservation where there now is one. */
  answeredReserve(asked: AskedReserve, outcome: CallOutcome): Held | undefined {
    this.#note(asked, outcome, `reserve ${asked.tag}`)
    if (asked.known !== 'acknowledged' || outcome.type !== 'answered') return undefined
    Object.assign(asked, toldBy(outcome, asked))
    return { reservationId: asked.reservationId ?? '', lines: asked.lines.map((line) => ({ ...line })) }
  }

  /** An acknowledged request was sent once more under its key: it must be told the same, or to come later. */
  repeatedReserve(asked: AskedReserve, outcome: CallOutcome): void {
    if (outcome.type !== 'answered' || outcome.status === 503 || outcome.status === 504) return
    const { reservationId, available, expiresAtMs, sequence } = asked
    const before = { reservationId, available, expiresAtMs, sequence }
    const now = outcome.status === 201 ? toldBy(outcome, asked) : outcome.body
    const isReplay = outcome.headers['idempotency-replayed'] === 'true'
    if (isReplay && isDeepStrictEqual(now, before)) return
    this.strange.push(
      `${asked.key} was told ${JSON.stringify(before)}, and then ${outcome.status} ${JSON.stringify(now)} (I5)`,
    )
  }

  /** An acknowledged request's key came with another body. */
  misusedKey(asked: AskedReserve, outcome: CallOutcome): void {
    if (outcome.type !== 'answered' || [422, 503, 504].includes(outcome.status)) return
    this.strange.push(`${asked.key} was answered ${outcome.status} for another body (I5)`)
  }

  /** One number a line: its units. */
  settle(
    kind: AskedSettlement['kind'],
    held: Pick<Held, 'reservationId' | 'lines'>,
    { quantities, isKeyed = false }: { quantities?: readonly number[]; isKeyed?: boolean } = {},
  ): AskedSettlement {
    const { reservationId, lines } = held
    const all = quantities ?? lines.map(({ quantity }) => quantity)
    const named = lines.map(({ productId }, i) => ({ productId, quantity: all[i] ?? 0 }))
    const items = quantities === undefined ? undefined : named.filter(({ quantity }) => quantity > 0)
    const key = isKeyed ? `key-${this.newTag()}` : undefined
    const asked: AskedSettlement = {
      kind,
      reservationId,
      quantities: all,
      items,
      key,
      known: 'unknown',
      answers: 0,
    }
    const ofReservation = this.settlements.get(reservationId)
    if (ofReservation === undefined) this.settlements.set(reservationId, [asked])
    else ofReservation.push(asked)
    return asked
  }

  answeredSettlement(asked: AskedSettlement, outcome: CallOutcome): void {
    this.#note(asked, outcome, `${asked.kind} ${asked.reservationId}`)
  }

  adjust(productId: string, delta: number): AskedAdjustment {
    const asked: AskedAdjustment = { tag: this.newTag(), productId, delta, known: 'unknown' }
    this.adjustments.set(asked.tag, asked)
    return asked
  }

  answeredAdjustment(asked: AskedAdjustment, outcome: CallOutcome): void {
    asked.known = this.#known(outcome, `adjustment ${asked.tag}`)
  }

  /** Requests of unknown outcome that have a key. */
  doubtful(): Doubtful[] {
    const reserves = [...this.reserves.values()].filter(isDoubtful)
    const settlements = [...this.settlements.values()].flat().filter(isDoubtful)
    return [
      ...reserves.map((asked) => ({ type: 'reserve', asked }) as const),
      ...settlements.map((asked) => ({ type: 'settlement', asked }) as const),
    ]
  }

  /** Acknowledged reservations of which nothing is in doubt and something is still held. */
  settleable(): Held[] {
    const found: Held[] = []
    for (const { known: made, reservationId, lines } of this.reserves.values()) {
      if (made !== 'acknowledged' || reservationId === undefined) continue
      const left = lines.map((line) => ({ ...line }))
      let isOver = false
      for (const settlement of this.settlements.get(reservationId) ?? []) {
        const { known, mayComeLate = false, kind } = settlement
        if (known === 'refused' && !mayComeLate) continue
        isOver ||= known !== 'acknowledged' || kind === 'confirm'
        for (const [i, line] of left.entries()) line.quantity -= settlement.quantities[i] ?? 0
      }
      if (!isOver && left.some(({ quantity }) => quantity > 0)) found.push({ reservationId, lines: left })
    }
    return found
  }

  acknowledgedCount(): number {
    let count = 0
    for (const { known } of this.reserves.values()) if (known === 'acknowledged') count += 1
    for (const asked of this.settlements.values())
      count += asked.filter(({ known }) => known === 'acknowledged').length
    return count
  }

  #note(
    asked: { known: Known; answers: number; mayComeLate?: boolean },
    outcome: CallOutcome,
    what: string,
  ): void {
    const before = asked.answers === 0 ? undefined : asked.known
    asked.answers += 1
    const known = this.#known(outcome, what)
    // Of a repetition it says only that this one did nothing; a refusal by the rules comes after a look at the key.
    const isOnlyThis = outcome.type !== 'answered' || outcome.status === 503
    asked.known = before === 'unknown' && known === 'refused' && isOnlyThis ? 'unknown' : known
    if (this.#hasLateArrivals && before === 'unknown' && asked.known === 'refused') asked.mayComeLate = true
  }

  #known(outcome: CallOutcome, what: string): Known {
    if (outcome.type === 'unreached') return 'refused'
    if (outcome.type === 'cut') return 'unknown'
    const { status, body } = outcome
    if (status === 200 || status === 201) return 'acknowledged'
    if (status === 504 && body.code === 'outcome-unknown') return 'unknown'
    if (status === 409 || status === 503) return 'refused'
    this.strange.push(`${what} was answered ${status} ${JSON.stringify(body)}`)
    return 'unknown'
  }
}

function isDoubtful({ known, key, answers }: AskedReserve | AskedSettlement): boolean {
  return known === 'unknown' && key !== undefined && answers > 0
}

function toldBy(
  { body }: Answer,
  { lines }: AskedReserve,
): Pick<AskedReserve, 'reservationId' | 'available' | 'expiresAtMs' | 'sequence'> {
  const { reservationId, expiresAt, items, sequence } = body
  const available = new Map(
    (items as { productId: string; available: number }[]).map((item) => [item.productId, item.available]),
  )
  return {
    reservationId: String(reservationId),
    available: lines.map(({ productId }) => available.get(productId) ?? Number.NaN),
    expiresAtMs: Date.parse(String(expiresAt)),
    sequence: Number(sequence),
  }
}
