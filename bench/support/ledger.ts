/**
 * What buyers asked for and what they were told, kept outside the server. Nothing here comes from the journal: the two
 * are held against each other at the end.
 */

export type Acknowledged = {
  readonly reservationId: string
  readonly productId: string
  readonly customerId: string
}

export class Ledger {
  /** The product each customer asked for. Every buyer of these benches wants one unit of one product. */
  readonly asked = new Map<string, string>()
  readonly acknowledged: Acknowledged[] = []
  /** Asked, and never answered: what became of them only the journal knows. */
  unanswered = 0

  /** Remembers a 201. The body is the server's: only its id is taken from it. */
  acknowledge(body: string, customerId: string): void {
    const { reservationId } = JSON.parse(body) as { reservationId: string }
    const productId = this.asked.get(customerId)
    if (productId === undefined) throw new Error(`${customerId} was sold something and had not asked`)
    this.acknowledged.push({ reservationId, productId, customerId })
  }

  /** Takes over what another process remembers. */
  add(other: Pick<Ledger, 'asked' | 'acknowledged' | 'unanswered'>): void {
    for (const [customerId, productId] of other.asked) this.asked.set(customerId, productId)
    this.acknowledged.push(...other.acknowledged)
    this.unanswered += other.unanswered
  }
}

/** Answers counted by what they said: `201`, or a status with its problem's code, `409 out-of-stock`. */
export class Answers {
  readonly counts = new Map<string, number>()

  add(status: number, body: string): void {
    const answer = status < 400 ? String(status) : `${status} ${codeOf(body)}`
    this.counts.set(answer, (this.counts.get(answer) ?? 0) + 1)
  }

  /** Those that are neither a success nor a refusal by the rules. */
  get unexpected(): number {
    let count = 0
    for (const [answer, times] of this.counts) if (!/^(?:2\d\d$|409 )/.test(answer)) count += times
    return count
  }
}

function codeOf(body: string): string {
  try {
    return String((JSON.parse(body) as { code?: unknown }).code)
  } catch {
    return '(no problem details)'
  }
}
