/**
 * A reservation as the second opinion of `shards-model.ts` keeps it: what it stood at after each of its steps, the newest
 * last, with no counter and no difference between two of them.
 */
import type { Line, ReservationCommand } from '../../src/domain/commands.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../src/domain/ids.ts'
import type { ReservationStatus } from '../../src/domain/stock.ts'

/** `nothing` is accepted without an event; `broken` only a bug asks for. */
export type Verdict = 'done' | 'nothing' | 'broken' | Refusal['reason']

export type Fault = readonly [reason: Verdict, isSo: boolean]
type Bought = { readonly units: number; readonly returned: number }

/** What a reservation stood at after one of its steps. */
export type Stand = {
  readonly status: ReservationStatus
  readonly closed: boolean
  readonly lines: ReadonlyMap<ProductId, Bought>
}

export type Booking = {
  readonly id: ReservationId
  readonly home: ShardId
  readonly isSeveral: boolean
  readonly customerId: CustomerId | undefined
  readonly latestMs: number
  endsMs: number
  /** By step; the last is what it stands at. */
  readonly stands: Stand[]
  /** By shard, the newest step it said it had heard. */
  readonly heard: Map<ShardId, number>
  forgotten: boolean
}

/** What a command makes of it unless one of the faults is so: a next step, or something that no other shard hears of. */
type Change = {
  readonly faults: readonly Fault[]
  readonly next?: Stand
  readonly act?: () => unknown
}

/** What a command means for it. `isUnheard` says that some shard has not heard of the newest step. */
export function changeOf(
  booking: Booking,
  command: ReservationCommand,
  { nowMs, isUnheard }: { readonly nowMs: number; readonly isUnheard: boolean },
): Change {
  const { endsMs, latestMs } = booking
  const stand = standOf(booking)
  const { status, lines, closed } = stand
  const ended: Fault = ['reservationResolved', !isAlive(stand)]
  switch (command.type) {
    case 'extend': {
      const untilMs = nowMs + command.ttlMs
      const faults: Fault[] = [
        ended,
        ['paymentStarted', status === 'paying'],
        ['lifetimeExceeded', untilMs > latestMs],
        ['nothing', untilMs <= endsMs],
      ]
      return { faults, act: () => Object.assign(booking, { endsMs: untilMs }) }
    }
    case 'startPayment':
      return {
        faults: [ended, ['nothing', status === 'paying']],
        act: () => {
          // The middle one of the three: neither before the hold's end nor after the lifetime's.
          const [, deadlineMs] = [endsMs, nowMs + command.payingMs, latestMs].sort((a, b) => a - b)
          booking.endsMs = deadlineMs ?? endsMs
          // No shard hears of it, so it is no step.
          booking.stands[booking.stands.length - 1] = { ...stand, status: 'paying' }
        },
      }
    case 'release': {
      const asked = named(lines, command.items)
      const rest = mapped(lines, ({ units }, productId) => {
        return { units: units - (asked.get(productId) ?? 0), returned: 0 }
      })
      const isAll = [...rest.values()].every(({ units }) => units === 0)
      const next: Stand = isAll ? { ...stand, status: 'released' } : { ...stand, lines: rest }
      return { faults: [ended, ['exceedsHeld', exceeds(lines, asked)]], next }
    }
    case 'confirm': {
      const asked = named(lines, command.items)
      const sold = mapped(lines, (_, productId) => ({ units: asked.get(productId) ?? 0, returned: 0 }))
      const next: Stand = { ...stand, status: 'confirmed', lines: sold }
      return { faults: [ended, ['exceedsHeld', exceeds(lines, asked)]], next }
    }
    case 'return': {
      const asked = named(lines, command.items)
      const back = mapped(lines, ({ units, returned }, productId) => {
        return { units, returned: returned + (asked.get(productId) ?? 0) }
      })
      const isNothing = [...asked.values()].every((units) => units === 0)
      const faults: Fault[] = [
        ['notConfirmed', isAlive(stand)],
        ['reservationResolved', status !== 'confirmed'],
        ['returnWindowOver', closed],
        ['exceedsConfirmed', exceeds(lines, asked) || isNothing],
      ]
      return { faults, next: { ...stand, lines: back } }
    }
    case 'expire':
      return { faults: [ended], next: { ...stand, status: 'expired' } }
    case 'closeReturns':
      return { faults: [['broken', status !== 'confirmed' || closed]], next: { ...stand, closed: true } }
    case 'forget': {
      const isEarly = isAlive(stand) || isUnheard || (status === 'confirmed' && !closed)
      return { faults: [['broken', isEarly]], act: () => Object.assign(booking, { forgotten: true }) }
    }
  }
}

export function standOf(booking: Booking | undefined): Stand {
  const stand = booking?.stands.at(-1)
  if (stand === undefined) throw new Error('a booking stands at something')
  return stand
}

export const isAlive = ({ status }: Stand) => status === 'held' || status === 'paying'

/** Units of each product that the items name; all there are without any. */
function named(lines: Stand['lines'], items: readonly Line[] | undefined): ReadonlyMap<ProductId, number> {
  if (items === undefined) return mapped(lines, ({ units, returned }) => units - returned)
  const asked = new Map<ProductId, number>()
  for (const { productId, quantity } of items) asked.set(productId, (asked.get(productId) ?? 0) + quantity)
  return asked
}

function exceeds(lines: Stand['lines'], asked: ReadonlyMap<ProductId, number>): boolean {
  return [...asked].some(([productId, units]) => {
    const { units: had, returned } = lines.get(productId) ?? { units: 0, returned: 0 }
    return units > had - returned
  })
}

function mapped<T>(
  lines: Stand['lines'],
  to: (bought: Bought, productId: ProductId) => T,
): ReadonlyMap<ProductId, T> {
  return new Map([...lines].map(([productId, bought]) => [productId, to(bought, productId)]))
}
