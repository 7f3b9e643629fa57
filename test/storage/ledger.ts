/**
 * What callers of the scenario were told: reservations, their settlements and deliveries in a `RequestLedger`, everything
 * else here, as deeds. A deed is asked for once, so it is in the journal once, or not at all.
 */
import type { Event } from '../../src/domain/events.ts'
import type { CallOutcome } from '../support/http-call.ts'
import type { JournalView } from '../support/journal-reader.ts'
import { type Known, RequestLedger } from '../support/request-ledger.ts'

export class Ledger {
  readonly requests = new RequestLedger()
  /** By what the deed's event is called here. */
  readonly #deeds = new Map<string, Known>()
  /** By product, the newest version that anybody was shown. */
  readonly #shown = new Map<string, number>()

  /** Before a deed is asked for: until it is answered it may have happened or not. */
  begin(deed: string): void {
    this.#deeds.set(deed, 'unknown')
  }

  end(deed: string, outcome: CallOutcome): void {
    this.#deeds.set(deed, knownBy(outcome))
  }

  show(productId: string, outcome: CallOutcome): void {
    if (outcome.type !== 'answered' || outcome.status !== 200) return
    this.#shown.set(productId, Math.max(this.#shown.get(productId) ?? 0, Number(outcome.body.version)))
  }

  get acknowledged(): number {
    const deeds = [...this.#deeds.values()].filter((known) => known === 'acknowledged').length
    return deeds + this.requests.acknowledgedCount()
  }

  /** What the journal has of the deeds that it must not have, or lacks (I3, I4), and what was shown too early (S2). */
  *faults(events: JournalView['events']): Generator<string> {
    const done = new Map<string, number>()
    const versions = new Map<string, number>()
    for (const { event } of [...events.values()].flat()) {
      const deed = deedOf(event)
      if (deed !== undefined) done.set(deed, (done.get(deed) ?? 0) + 1)
      if ('version' in event) versions.set(event.productId, event.version)
    }
    for (const [deed, known] of this.#deeds) {
      const times = done.get(deed) ?? 0
      if (times > 1) yield `${deed} happened ${times} times (I4)`
      if (times === 0 && known === 'acknowledged') yield `${deed} is acknowledged and lost (I3)`
      if (times > 0 && known === 'refused') yield `${deed} was refused, and is in the journal (I4)`
    }
    for (const deed of done.keys()) if (!this.#deeds.has(deed)) yield `nobody asked for ${deed} (I4)`
    for (const [productId, version] of this.#shown)
      if (version > (versions.get(productId) ?? 0))
        yield `version ${version} of ${productId} was shown, and there are ${versions.get(productId) ?? 0} (S2)`
  }
}

function knownBy(outcome: CallOutcome): Known {
  if (outcome.type === 'unreached') return 'refused'
  if (outcome.type === 'cut' || outcome.status === 504) return 'unknown'
  if (outcome.status < 300) return 'acknowledged'
  if ([404, 409, 503].includes(outcome.status)) return 'refused'
  throw new Error(`nobody expected ${outcome.status} ${JSON.stringify(outcome.body)}`)
}

/** What the ledger calls that which this event says was done; undefined where it is no deed, or done by the shard itself. */
function deedOf(event: Event): string | undefined {
  switch (event.type) {
    case 'HoldExtended':
    case 'SplitExtended':
      return `extend ${event.reservationId}`
    case 'PaymentStarted':
    case 'SplitPaymentStarted':
      return `paying ${event.reservationId}`
    case 'UnitsReturned':
      return `return ${event.reservationId}`
    case 'SplitSettled':
      return event.reason === undefined ? undefined : `return ${event.reservationId}`
    case 'SaleScheduled':
      return `sale ${event.productId}`
    case 'WaitlistJoined':
      return `join ${event.productId} ${event.customerId}`
    case 'WaitlistLeft':
      return event.cause === 'left' ? `leave ${event.productId} ${event.customerId}` : undefined
    default:
      return undefined
  }
}
