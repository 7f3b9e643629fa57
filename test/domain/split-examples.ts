/**
 * A shop of two shards: cables and cases at the reservation's home, phones and screens elsewhere. Events and commands
 * with everything a test does not care about filled in.
 */
import type {
  Acknowledge,
  AskOutcome,
  HoldLines,
  Line,
  ReservationCommand,
  ReserveSplit,
  Settle,
} from '../../src/domain/commands.ts'
import { type ProductId, type ReservationId, reservationIdOf, type ShardId } from '../../src/domain/ids.ts'
import { abortedStep } from '../../src/domain/split.ts'
import { ann, cable, minuteMs, noonMs, phone, stockAdjusted } from './examples.ts'
import type { Happened } from './given.ts'

export const home = 0 as ShardId
export const elsewhere = 1 as ShardId
export const farAway = 2 as ShardId
export const shell = 'case' as ProductId
export const screen = 'screen' as ProductId

/** The n-th id of a test; `home` decides what becomes of it. */
export function splitIdOf(n: number, at: ShardId = home): ReservationId {
  return reservationIdOf(String(n).padStart(26, '0'), at)
}

export const split1 = splitIdOf(1)
export const split2 = splitIdOf(2)

type Fields<E extends Happened['type']> = Partial<Omit<Extract<Happened, { type: E }>, 'type'>>

// ---- Events ----------------------------------------------------------------------------------------------------------

export function holdPlaced(quantity: number, fields: Fields<'HoldPlaced'> = {}): Happened {
  return { type: 'HoldPlaced', productId: phone, reservationId: split1, customerId: ann, quantity, ...fields }
}

export function holdSettled(
  step: number,
  units: Partial<Pick<Extract<Happened, { type: 'HoldSettled' }>, 'held' | 'sold' | 'closed'>>,
  fields: Fields<'HoldSettled'> = {},
): Happened {
  const stands = { held: 0, sold: 0, closed: false, ...units }
  return { type: 'HoldSettled', productId: phone, reservationId: split1, step, ...stands, ...fields }
}

/** One cable and two cases at home, three phones elsewhere. */
export const threeLines = [
  { productId: cable, shard: home, quantity: 1, available: 9, holdVersion: 2 },
  { productId: shell, shard: home, quantity: 2, available: 8, holdVersion: 2 },
  { productId: phone, shard: elsewhere, quantity: 3, available: 7, holdVersion: 2 },
]

export function splitHeld(fields: Fields<'SplitHeld'> = {}): Happened {
  return {
    type: 'SplitHeld',
    reservationId: split1,
    customerId: ann,
    reference: undefined,
    expiresAtMs: noonMs + 10 * minuteMs,
    lines: threeLines,
    ...fields,
  }
}

export function splitExtended(expiresAtMs: number): Happened {
  return { type: 'SplitExtended', reservationId: split1, expiresAtMs }
}

export function splitPaymentStarted(expiresAtMs: number = noonMs + 15 * minuteMs): Happened {
  return { type: 'SplitPaymentStarted', reservationId: split1, expiresAtMs }
}

/** Of the three lines; what is left out stays as it was made. */
export function splitSettled(step: number, fields: Fields<'SplitSettled'> = {}): Happened {
  return {
    type: 'SplitSettled',
    reservationId: split1,
    step,
    status: 'held',
    quantities: [1, 2, 3],
    returned: [0, 0, 0],
    closed: false,
    reference: undefined,
    reason: undefined,
    ...fields,
  }
}

export function splitAcknowledged(step: number, shard: ShardId = elsewhere): Happened {
  return { type: 'SplitAcknowledged', reservationId: split1, shard, step }
}

export function splitForgotten(): Happened {
  return { type: 'SplitForgotten', reservationId: split1 }
}

export function splitAborted(): Happened {
  return { type: 'SplitAborted', reservationId: split1 }
}

export function abortForgotten(): Happened {
  return { type: 'AbortForgotten', reservationId: split1 }
}

/** The home with the three lines held: its own cable and cases, and the reservation. */
export const madeAtHome: readonly Happened[] = [
  stockAdjusted(10, { productId: cable }),
  stockAdjusted(10, { productId: shell }),
  holdPlaced(1, { productId: cable }),
  holdPlaced(2, { productId: shell }),
  splitHeld(),
]

/** What happens to the home's own holds with a settlement, cable then case. */
export function ownSettled(
  step: number,
  cables: Parameters<typeof holdSettled>[1],
  cases: Parameters<typeof holdSettled>[1],
): Happened[] {
  return [holdSettled(step, cables, { productId: cable }), holdSettled(step, cases, { productId: shell })]
}

// ---- Commands --------------------------------------------------------------------------------------------------------

export function holdLines(lines: readonly Line[], fields: Partial<HoldLines> = {}): HoldLines {
  return {
    type: 'holdLines',
    reservationId: split1,
    shard: elsewhere,
    customerId: ann,
    allowPartial: false,
    lines,
    ...fields,
  }
}

export function reserveSplit(fields: Partial<ReserveSplit> = {}): ReserveSplit {
  return {
    type: 'reserveSplit',
    reservationId: split1,
    home,
    customerId: ann,
    ttlMs: undefined,
    allowPartial: false,
    reference: undefined,
    lines: [
      { productId: cable, quantity: 1 },
      { productId: shell, quantity: 2 },
    ],
    heldElsewhere: [{ productId: phone, shard: elsewhere, quantity: 3, available: 7, holdVersion: 2 }],
    ttlMsElsewhere: undefined,
    ...fields,
  }
}

export function askOutcome(reservationId: ReservationId = split1): AskOutcome {
  return { type: 'askOutcome', reservationId, participant: elsewhere }
}

/** The home's word about phones, unless others are named: of a hold that was the first thing after the delivery. */
export function settle(
  step: number,
  units: { readonly held?: number; readonly sold?: number; readonly closed?: boolean },
  fields: Partial<Settle> = {},
): Settle {
  const { held = 0, sold = 0, closed = false } = units
  const lines = [{ productId: phone, holdVersion: 2, held, sold }]
  return { type: 'settle', reservationId: split1, shard: elsewhere, step, lines, closed, ...fields }
}

/** The home's word that there never was such a reservation. */
export function settleAborted(): Settle {
  return settle(abortedStep, {}, { lines: [] })
}

export function acknowledge(step: number, participant: ShardId = elsewhere): Acknowledge {
  return { type: 'acknowledge', reservationId: split1, participant, step }
}

export type Item = readonly [productId: ProductId, quantity: number]

export function itemsOf(...items: readonly Item[]): readonly Line[] {
  return items.map(([productId, quantity]) => ({ productId, quantity }))
}

/** The same command for the reservation of these examples. */
export function ofSplit<C extends ReservationCommand>(command: C): C {
  return { ...command, reservationId: split1 }
}
