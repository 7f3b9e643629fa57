/**
 * Random commands that mostly make sense: few products and customers, small numbers that meet their limits, moments at
 * the very edges of a sale, and reservations named by how recent they are, so that shrinking a sequence keeps its sense.
 */
import fc from 'fast-check'
import { onHandMax, referenceLengthMax } from '../../src/domain/bounds.ts'
import type { Adjust, Line, ProductCommand, ReservationCommand } from '../../src/domain/commands.ts'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { Sale } from '../../src/domain/stock.ts'
import { ann, bob, cable, hourMs, idOf, minuteMs, phone, secondMs } from './examples.ts'

export const randomProducts = [phone, cable, 'case' as ProductId]

const NOBODY = 12

const productId = fc.constantFrom(...randomProducts)
const customerId = fc.constantFrom(ann, bob, undefined)
/** Small, so that stock and limits are often met exactly. */
const quantity = fc.integer({ min: 1, max: 6 })
const fewUnits = maybe(fc.nat({ max: 6 }))
const ttlMs = fc.oneof(
  fc.integer({ min: secondMs, max: hourMs }),
  fc.constantFrom(secondMs, minuteMs, hourMs),
)
const reference = rarely(fc.constantFrom('', 'order 7', '汉'.repeat(referenceLengthMax)))
/** 0 is the newest reservation; the last is one that nobody made. */
const recency = fc.nat({ max: NOBODY })
const line = fc.record({ isOwn: nearlyAlways(), quantity: fc.integer({ min: 1, max: 3 }) })
const lines = maybe(fc.array(line, { minLength: 1, maxLength: 3 }))

const draft = fc.oneof(
  weighing(20, {
    type: fc.constant('reserve'),
    productId,
    customerId,
    quantity,
    ttlMs: maybe(ttlMs),
    allowPartial: fc.boolean(),
    reference,
    comesAgain: fc.nat({ max: 19 }).map((number) => number === 0),
    recency,
  }),
  weighing(8, { type: fc.constant('add'), productId, delta: fc.integer({ min: -6, max: 12 }) }),
  weighing(4, {
    type: fc.constant('set'),
    productId,
    set: fc.oneof(fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.constantFrom(onHandMax, onHandMax + 1)),
    versionsBehind: maybe(fc.integer({ min: -1, max: 2 })),
  }),
  weighing(3, {
    type: fc.constant('scheduleSale'),
    productId,
    opensInMs: rarely(fc.constantFrom(-1, 0, 1, minuteMs, hourMs)),
    closesInMs: rarely(fc.constantFrom(-1, 0, 1, 10 * minuteMs, 5 * hourMs)),
    perCustomerLimit: fewUnits,
    maxPerReservation: fewUnits,
    holdTtlMs: maybe(ttlMs),
  }),
  weighing(1, { type: fc.constant('retire'), productId }),
  weighing(6, { type: fc.constant('extend'), recency, ttlMs }),
  weighing(5, { type: fc.constant('startPayment'), recency, payingMs: ttlMs }),
  weighing(8, { type: fc.constant('release'), recency, lines }),
  weighing(8, { type: fc.constant('confirm'), recency, lines, reference }),
  weighing(8, { type: fc.constant('return'), recency, lines }),
  weighing(6, { type: fc.constantFrom('expire', 'closeReturns', 'forget'), recency }),
)

const waitMs = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constantFrom(1, minuteMs) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 10 * minuteMs }) },
  { weight: 1, arbitrary: fc.integer({ min: minuteMs, max: hourMs }) },
)

type Lines = typeof lines extends fc.Arbitrary<infer Value> ? Value : never
type Draft = typeof draft extends fc.Arbitrary<infer Value> ? Value : never

export type RandomStep = { readonly waitMs: number; readonly draft: Draft }

/** Some time passes, then something is asked for. */
export const randomStep: fc.Arbitrary<RandomStep> = fc.record({ waitMs, draft }, { noNullPrototype: true })

/** What a draft becomes depends on where the run has come to by then. */
export type Situation = {
  readonly nowMs: number
  readonly nextId: ReservationId
  readonly versionOf: (productId: ProductId) => number
  readonly reservations: readonly {
    readonly id: string
    readonly productId: ProductId
    readonly forgotten?: boolean
  }[]
}

export function commandOf(draft: Draft, situation: Situation): ProductCommand | ReservationCommand {
  switch (draft.type) {
    case 'reserve': {
      const { comesAgain, recency, ...fields } = draft
      const known = situation.reservations.filter(({ forgotten }) => forgotten !== true)
      const again = comesAgain ? known.at(-1 - (recency % Math.max(1, known.length)))?.id : undefined
      return { ...fields, type: draft.type, reservationId: (again ?? situation.nextId) as ReservationId }
    }
    case 'add':
      return adjustment(draft.productId, { delta: draft.delta })
    case 'set': {
      const { productId, set, versionsBehind: behind } = draft
      const expectedVersion = behind === undefined ? undefined : situation.versionOf(productId) - behind
      return adjustment(productId, { set, expectedVersion })
    }
    case 'scheduleSale':
      return { type: draft.type, productId: draft.productId, sale: saleAt(draft, situation.nowMs) }
    case 'retire':
      return { type: draft.type, productId: draft.productId }
  }
  const target = recent(situation.reservations, draft.recency)
  const reservationId = target.id as ReservationId
  switch (draft.type) {
    case 'extend':
      return { type: draft.type, reservationId, ttlMs: draft.ttlMs }
    case 'startPayment':
      return { type: draft.type, reservationId, payingMs: draft.payingMs }
    case 'release':
      return { type: draft.type, reservationId, items: itemsOf(draft.lines, target.productId) }
    case 'confirm':
      return {
        type: draft.type,
        reservationId,
        items: itemsOf(draft.lines, target.productId),
        reference: draft.reference,
      }
    case 'return':
      return {
        type: draft.type,
        reservationId,
        items: itemsOf(draft.lines, target.productId),
        reason: 'too small',
      }
    default:
      return { type: draft.type, reservationId }
  }
}

function recent(reservations: Situation['reservations'], recency: number): Situation['reservations'][number] {
  const found =
    recency === NOBODY ? undefined : reservations.at(-1 - (recency % Math.max(1, reservations.length)))
  return found ?? { id: idOf(999_999), productId: phone }
}

function adjustment(productId: ProductId, change: Adjust['change']): Adjust {
  return { type: 'adjust', productId, change, reason: 'count', reference: undefined }
}

function saleAt(draft: Extract<Draft, { type: 'scheduleSale' }>, nowMs: number): Sale {
  const { opensInMs, closesInMs, perCustomerLimit, maxPerReservation, holdTtlMs } = draft
  return {
    opensAtMs: opensInMs === undefined ? undefined : nowMs + opensInMs,
    closesAtMs: closesInMs === undefined ? undefined : nowMs + closesInMs,
    perCustomerLimit,
    maxPerReservation,
    holdTtlMs,
  }
}

function itemsOf(lines: Lines, own: ProductId): readonly Line[] | undefined {
  const other = own === cable ? phone : cable
  return lines?.map(({ isOwn, quantity }) => ({ productId: isOwn ? own : other, quantity }))
}

function weighing<Fields>(weight: number, fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }) {
  return { weight, arbitrary: fc.record<Fields>(fields, { noNullPrototype: true }) }
}

function maybe<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 2 })
}

function rarely<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
}

function nearlyAlways(): fc.Arbitrary<boolean> {
  return fc.nat({ max: 19 }).map((number) => number < 19)
}
