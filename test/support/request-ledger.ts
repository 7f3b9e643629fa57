/**
 * What was asked of a server and what it said, kept outside the process that may die.
 *
 * Every request that changes something carries a tag of its own, which ends up in the event it causes: as `reference` of
 * a reservation, as `reason` of an adjustment. So each event has exactly one request to answer for it.
 */
import type { CallOutcome } from './http-call.ts'

/** What is known of a request's effect. */
export type Known =
  | 'acknowledged'
  /** Answered, and nothing happened: refusals of the rules, and every 503. */
  | 'refused'
  /** Not answered, or answered that the outcome is unknown. */
  | 'unknown'

export type AskedReserve = {
  readonly tag: string
  readonly productId: string
  readonly quantity: number
  readonly customerId: string | undefined
  known: Known
  /** Of an acknowledged one. */
  reservationId?: string
  available?: number
  expiresAtMs?: number
  sequence?: number
}

export type AskedSettlement = {
  readonly kind: 'confirm' | 'release'
  readonly reservationId: string
  /** Units it should settle. */
  readonly quantity: number
  known: Known
}

export type AskedAdjustment = {
  readonly tag: string
  readonly productId: string
  readonly delta: number
  known: Known
}

/** A reservation that can be settled, as far as anybody knows. */
export type Held = { readonly reservationId: string; readonly productId: string; quantity: number }

export class RequestLedger {
  readonly reserves = new Map<string, AskedReserve>()
  /** By reservation, in the order they were asked: never two of one at a time. */
  readonly settlements = new Map<string, AskedSettlement[]>()
  readonly adjustments = new Map<string, AskedAdjustment>()
  /** Answers nobody expected, such as 500. */
  readonly strange: string[] = []
  #lastTag = 0

  /** A book of its own that begins as a copy of this one. */
  copy(): RequestLedger {
    const copy = new RequestLedger()
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
    const asked: AskedReserve = { tag: this.newTag(), productId, quantity, customerId, known: 'unknown' }
    this.reserves.set(asked.tag, asked)
    return asked
  }

  /** Notes the answer; gives the reservation where there now is one. */
  answeredReserve(asked: AskedReserve, outcome: CallOutcome): Held | undefined {
    asked.known = this.#known(outcome, `reserve ${asked.tag}`)
    if (asked.known !== 'acknowledged' || outcome.type !== 'answered') return undefined
    const { reservationId, expiresAt, items, sequence } = outcome.body
    const [item] = items as { available: number }[]
    asked.reservationId = String(reservationId)
    asked.expiresAtMs = Date.parse(String(expiresAt))
    asked.sequence = Number(sequence)
    asked.available = item?.available ?? Number.NaN
    return { reservationId: asked.reservationId, productId: asked.productId, quantity: asked.quantity }
  }

  settle(kind: AskedSettlement['kind'], reservationId: string, quantity: number): AskedSettlement {
    const asked: AskedSettlement = { kind, reservationId, quantity, known: 'unknown' }
    const ofReservation = this.settlements.get(reservationId)
    if (ofReservation === undefined) this.settlements.set(reservationId, [asked])
    else ofReservation.push(asked)
    return asked
  }

  answeredSettlement(asked: AskedSettlement, outcome: CallOutcome): void {
    asked.known = this.#known(outcome, `${asked.kind} ${asked.reservationId}`)
  }

  adjust(productId: string, delta: number): AskedAdjustment {
    const asked: AskedAdjustment = { tag: this.newTag(), productId, delta, known: 'unknown' }
    this.adjustments.set(asked.tag, asked)
    return asked
  }

  answeredAdjustment(asked: AskedAdjustment, outcome: CallOutcome): void {
    asked.known = this.#known(outcome, `adjustment ${asked.tag}`)
  }

  /** Acknowledged reservations of which nothing is in doubt and something is still held. */
  settleable(): Held[] {
    const found: Held[] = []
    for (const { known, reservationId, productId, quantity } of this.reserves.values()) {
      if (known !== 'acknowledged' || reservationId === undefined) continue
      let left = quantity
      for (const settlement of this.settlements.get(reservationId) ?? []) {
        if (settlement.known === 'refused') continue
        left =
          settlement.known === 'unknown' || settlement.kind === 'confirm' ? 0 : left - settlement.quantity
        if (left <= 0) break
      }
      if (left > 0) found.push({ reservationId, productId, quantity: left })
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
