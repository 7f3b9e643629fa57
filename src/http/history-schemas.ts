/** The shapes of what is asked of the history, and of live stock. */
import { z } from 'zod'
import { historyPageMax } from '../limits.ts'
import {
  count,
  customerId,
  instant,
  productId,
  reference,
  reservationId,
  reservationReply,
  saleBody,
  sequence,
  stockReply,
} from './schemas.ts'

export const stockQuery = z.strictObject({
  at: z.string().max(64).optional().meta({
    description: 'For services: a time, or a sequence of the product’s shard. The future is refused.',
    example: '2026-11-27T08:00:00Z',
  }),
})

export const streamQuery = z.strictObject({
  lastEventId: z.string().max(64).optional().meta({
    description: 'For clients that cannot set `Last-Event-ID`.',
    example: '1041',
  }),
})

const limit = z
  .string()
  .max(16)
  .optional()
  .meta({
    description: `Entries of a page at most: 1 to ${historyPageMax}, 50 unless given.`,
    example: '20',
  })
const minPosition = z.string().max(20_000).optional().meta({
  description: 'The `Holdfast-Position` of a reply, whose change the answer must hold.',
  example: 's3.1042',
})
const cursor = z.string().max(64).optional().meta({ description: 'The `nextCursor` of the page before.' })

export const reservationListQuery = z.strictObject({
  customerId: customerId.optional(),
  status: z.enum(['held', 'paying', 'confirmed', 'released', 'expired']).optional(),
  productId: productId.optional(),
  reference: reference.optional(),
  cursor,
  limit,
  minPosition,
})

export const stockEventsQuery = z.strictObject({ cursor, limit, minPosition })

export const stockEventReply = stockReply
  .extend({
    from: count.optional().meta({ description: 'The first of the versions that this event stands for.' }),
    to: count.optional().meta({ description: 'The last of them, the event’s own.' }),
  })
  .meta({ id: 'StockEvent', description: 'The `data` of an event.' })

const nextCursor = z.string().optional().meta({ description: 'For the next page; absent at the end.' })

export const reservationListReply = z
  .strictObject({ reservations: z.array(reservationReply), nextCursor })
  .meta({ id: 'ReservationList' })

const change = z.int().meta({ description: 'Units more, or if negative fewer.' })

export const stockEventsReply = z
  .strictObject({
    events: z.array(
      z.strictObject({
        type: z.string().meta({ description: 'As the journal names it.', example: 'UnitsHeld' }),
        version: count,
        sequence,
        at: instant,
        cause: z.strictObject({
          reservationId: reservationId.optional(),
          customerId: customerId.optional(),
          reference: reference.optional(),
          reason: z.string().optional(),
          sale: saleBody.optional(),
        }),
        change: z.strictObject({ onHand: change, held: change, sold: change }),
        onHand: count,
        held: count,
        sold: count,
        available: count,
        retired: z.literal(true).optional(),
      }),
    ),
    nextCursor,
  })
  .meta({ id: 'StockEvents' })
