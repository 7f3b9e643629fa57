/**
 * The shapes of requests and replies, once: they validate what comes in, and `openapi.ts` publishes them.
 * No transforms: a schema checks, its handler converts.
 */
import { z } from 'zod'
import {
  customerIdLengthMax,
  holdTtlMsMax,
  holdTtlMsMin,
  linesMax,
  onHandMax,
  quantityMax,
  reasonLengthMax,
  referenceLengthMax,
  reservationLifetimeMsMax,
} from '../domain/bounds.ts'
import { type CustomerId, isCustomerId, isProductId, type ProductId } from '../domain/ids.ts'

const SECOND_MS = 1_000
const KEY_NAME_LENGTH_MAX = 100
/** Neither control characters, which break logs and terminals, nor halves of surrogate pairs, which UTF-8 cannot hold. */
const PLAIN_TEXT = /^[^\p{Cc}\p{Cs}]*$/u
const YEAR_10000_MS = 253_402_300_800_000

export const ttlSecondsMin = holdTtlMsMin / SECOND_MS
export const ttlSecondsMax = holdTtlMsMax / SECOND_MS
const payingSecondsMax = reservationLifetimeMsMax / SECOND_MS

export function isPlainText(text: string): boolean {
  return PLAIN_TEXT.test(text)
}

export function plainText(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine(isPlainText, { error: 'must be text without control characters' })
}

export const productId = z
  .custom<ProductId>((value) => typeof value === 'string' && isProductId(value), {
    error: 'must be a product id: a letter or digit, then up to 63 letters, digits, ".", "_" or "-"',
  })
  .meta({
    id: 'ProductId',
    description: 'The shop’s own id. `search`, `suggest` and `import` are taken.',
    example: 'iphone-17-pro',
    override: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' },
  })

export const customerId = z
  .custom<CustomerId>((value) => typeof value === 'string' && isCustomerId(value), {
    error: `must be 1 to ${customerIdLengthMax} visible ASCII characters`,
  })
  .meta({
    id: 'CustomerId',
    description: 'The shop’s own name for a buyer.',
    example: 'usr_8812',
    override: { type: 'string', pattern: '^[\\x21-\\x7e]+$', minLength: 1, maxLength: customerIdLengthMax },
  })

export const quantity = z.int().min(1).max(quantityMax)
const ttlSeconds = z.int().min(ttlSecondsMin).max(ttlSecondsMax)
export const reference = plainText(referenceLengthMax).meta({
  description: 'The shop’s own note, such as the number of a cart.',
  example: 'cart-5521',
})
const reason = plainText(reasonLengthMax).meta({ example: 'delivery 77' })

/** A time as it is written anywhere in the API. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a time as RFC 3339 writes it, such as 2026-11-27T08:00:00Z' })
  .refine((text) => Date.parse(text) >= 0 && Date.parse(text) < YEAR_10000_MS, {
    error: 'must lie between the years 1970 and 9999',
  })
  .meta({ example: '2026-11-27T08:00:00.000Z' })

const line = z.strictObject({ productId, quantity }).meta({ id: 'Line' })
const lines = z.array(line).min(1).max(linesMax)

export const reserveBody = z
  .strictObject({
    items: lines.meta({
      description: `Lines of the same product are summed, to ${quantityMax} units at most.`,
    }),
    ttlSeconds: ttlSeconds
      .optional()
      .meta({ description: 'How long the hold lives; the sale’s time, else 600.' }),
    allowPartial: z
      .boolean()
      .optional()
      .meta({ description: 'Take what can be had instead of all or nothing.' }),
    customerId: customerId.optional().meta({
      description: 'For services; needed where a sale limits each customer. A customer must not send it.',
    }),
    reference: reference.optional(),
  })
  .meta({ id: 'ReserveRequest' })
export type ReserveBody = z.output<typeof reserveBody>

export const extendBody = z
  .strictObject({ ttlSeconds: ttlSeconds.meta({ description: 'The hold lives at least until now + this.' }) })
  .meta({ id: 'ExtendRequest' })

export const payingBody = z
  .strictObject({
    seconds: z
      .int()
      .min(1)
      .max(payingSecondsMax)
      .optional()
      .meta({ description: 'Time for the payment; 900 unless given.' }),
  })
  .meta({ id: 'PayingRequest' })

export const releaseBody = z
  .strictObject({ items: lines.optional().meta({ description: 'A part to give back; all unless given.' }) })
  .meta({ id: 'ReleaseRequest' })

export const confirmBody = z
  .strictObject({
    items: lines.optional().meta({ description: 'A part to sell, and the rest returns; all unless given.' }),
    reference: reference.optional(),
  })
  .meta({ id: 'ConfirmRequest' })

export const returnBody = z
  .strictObject({
    items: lines.optional().meta({ description: 'A part that came back; all unless given.' }),
    reason,
  })
  .meta({ id: 'ReturnRequest' })

export const adjustByBody = z
  .strictObject({
    delta: z
      .int()
      .min(-onHandMax)
      .max(onHandMax)
      .refine((delta) => delta !== 0, { error: 'must not be 0' })
      .meta({ description: 'Units to add or, if negative, to take away.', example: 100 }),
    reason,
    reference: reference.optional(),
  })
  .meta({ id: 'AdjustByRequest' })

export const setToBody = z
  .strictObject({
    set: z
      .int()
      .min(0)
      .max(onHandMax)
      .meta({ description: 'Units on hand, those held included.', example: 500 }),
    expectedVersion: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Refuse unless the stock is at this version; 0 is a product that has none yet.' }),
    reason,
  })
  .meta({ id: 'SetToRequest' })

export const saleBody = z
  .strictObject({
    opensAt: time.optional().meta({ description: 'No reservation before.' }),
    closesAt: time.optional().meta({ description: 'No reservation from then on.' }),
    perCustomerLimit: quantity.optional().meta({
      description: 'Units in all live and confirmed reservations of one customer.',
      example: 2,
    }),
    holdTtlSeconds: ttlSeconds
      .optional()
      .meta({ description: 'How long a hold lives unless it says otherwise.' }),
    maxPerReservation: quantity.optional().meta({ description: 'Units in one reservation.', example: 4 }),
  })
  .meta({
    id: 'Sale',
    description: 'When a product is sold, and how much of it to whom. What is absent does not limit.',
  })

export const waitlistBody = z
  .strictObject({
    quantity,
    customerId: customerId.optional().meta({
      description: 'Needed from services. A customer must not send it.',
    }),
  })
  .meta({ id: 'WaitlistRequest' })

export const waitlistQuery = z.strictObject({
  customerId: customerId.optional().meta({
    description: 'Whose place; needed from services. A customer must not send it.',
  }),
})

export const apiKeyBody = z
  .strictObject({
    name: plainText(KEY_NAME_LENGTH_MAX).meta({
      description: 'What the key is for.',
      example: 'checkout service',
    }),
    role: z.enum(['service', 'staff', 'admin']),
  })
  .meta({ id: 'ApiKeyRequest' })

export const stockManyQuery = z.strictObject({
  productIds: z
    .string()
    .meta({ description: 'Product ids, separated by commas.', example: 'iphone-17-pro,pixel-11' }),
})

// ---- Replies -------------------------------------------------------------------------------------------------------

export const instant = z.iso.datetime().meta({ example: '2026-11-27T08:00:00.000Z' })
export const count = z.int().min(0)
export const sequence = z
  .int()
  .min(0)
  .meta({ description: 'Of the newest event this rests on, in its shard.' })
export const reservationId = z
  .string()
  .meta({ id: 'ReservationId', example: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05' })

export const reservedReply = z
  .strictObject({
    reservationId,
    status: z.literal('held'),
    items: z.array(
      z.strictObject({
        productId,
        quantity: quantity.meta({
          description: 'Units held: fewer than asked for only with `allowPartial`.',
        }),
        available: count.meta({ description: 'Units left to take right after this hold.' }),
      }),
    ),
    customerId: customerId.optional(),
    reference: reference.optional(),
    expiresAt: instant,
    sequence,
  })
  .meta({ id: 'Reserved' })

export const reservationReply = z
  .strictObject({
    reservationId,
    status: z.enum(['held', 'paying', 'confirmed', 'released', 'expired']),
    items: z.array(
      z.strictObject({
        productId,
        quantity: count.meta({ description: 'Units held; once ended, those confirmed or held last.' }),
        returned: count.optional().meta({ description: 'Units that came back after they were confirmed.' }),
      }),
    ),
    customerId: customerId.optional(),
    reference: reference.optional(),
    expiresAt: instant.meta({ description: 'When the hold ends; once paying, the payment’s deadline.' }),
    resolvedAt: instant.optional().meta({ description: 'When it ended.' }),
    sequence,
  })
  .meta({ id: 'Reservation' })

export const stockReply = z
  .strictObject({
    productId,
    available: count,
    version: count.meta({ description: 'Gapless number of the product’s newest event.' }),
    asOf: instant,
    onHand: count.optional().meta({ description: 'With a service key.' }),
    held: count.optional().meta({ description: 'With a service key.' }),
    sold: count.optional().meta({ description: 'With a service key.' }),
    sequence: sequence.optional().meta({ description: 'With a service key.' }),
    retired: z
      .literal(true)
      .optional()
      .meta({ description: 'With a service key: the product is not sold any more.' }),
  })
  .meta({ id: 'Stock' })

export const stockManyReply = z
  .strictObject({
    stock: z.array(stockReply),
    unknown: z.array(productId).meta({ description: 'Of the ids asked for, those that never had stock.' }),
  })
  .meta({ id: 'StockOfMany' })

export const waitingReply = z
  .strictObject({
    productId,
    quantity,
    position: z.int().min(1).meta({ description: 'Place in the line, from 1.' }),
  })
  .meta({ id: 'Waiting' })

const servedReply = z
  .strictObject({
    productId,
    quantity,
    reservationId,
    expiresAt: instant.meta({ description: 'When the hold ends.' }),
  })
  .meta({ id: 'Served', description: 'The units came, and are held.' })

export const waitlistReply = waitingReply.or(servedReply)

export const apiKeyCreatedReply = z
  .strictObject({
    id: z.string(),
    key: z.string().meta({ description: 'Shown this once; only its hash is kept.' }),
  })
  .meta({ id: 'ApiKeyCreated' })

export const apiKeysReply = z
  .strictObject({
    apiKeys: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        role: z.enum(['service', 'staff', 'admin']),
        createdBy: z.string(),
        createdAt: instant,
      }),
    ),
  })
  .meta({ id: 'ApiKeys' })

export const readinessReply = z
  .strictObject({
    ready: z.boolean(),
    parts: z
      .array(z.strictObject({ name: z.string(), ready: z.boolean(), reason: z.string().optional() }))
      .optional()
      .meta({ description: 'With a service key.' }),
  })
  .meta({ id: 'Readiness' })

export const livenessReply = z.strictObject({ live: z.literal(true) }).meta({ id: 'Liveness' })

export const problemReply = z
  .looseObject({
    type: z.string().meta({ example: '/problems/out-of-stock' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    instance: z.string().optional(),
    requestId: z.string().optional(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Codes have members of their own; see /problems.' })
