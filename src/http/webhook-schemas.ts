/** The shapes of subscribers and their deliveries. */
import { z } from 'zod'
import { outboxEventTypes } from '../persistence/tables/outbox.ts'
import { deliveryPageMax } from '../persistence/tables/webhooks/delivery-operations.ts'
import { urlLengthMax } from '../shop/webhooks/destination.ts'
import { instant, isPlainText } from './schemas.ts'

const descriptionLengthMax = 256

const events = z.array(z.enum(outboxEventTypes)).min(1).max(outboxEventTypes.length)

export const webhookBody = z
  .strictObject({
    url: z.string().min(1).max(urlLengthMax).meta({
      description:
        'https, of a public host; without user, fragment, or a port below 1024 other than 443 and 80. Redirects are not followed.',
      example: 'https://erp.example.com/hooks/holdfast',
      format: 'uri',
    }),
    events: events.meta({ description: 'What to tell.', example: ['order.confirmed', 'order.cancelled'] }),
    description: z
      .string()
      .max(descriptionLengthMax)
      .refine(isPlainText, { error: 'must be text without control characters' })
      .optional(),
  })
  .meta({ id: 'WebhookRequest' })

const webhook = z.strictObject({
  id: z.string(),
  url: z.string(),
  events: z.array(z.enum(outboxEventTypes)),
  description: z.string().optional(),
  status: z.enum(['enabled', 'disabled']),
  disabledBecause: z.enum(['gone', 'failing', 'behind']).optional().meta({
    description:
      '`gone`: it answered 410. `failing`: a delivery was tried to the last, and none was received since its first try. `behind`: too many waited.',
  }),
  lastReceivedAt: instant.optional(),
  createdAt: instant,
  createdBy: z.string(),
})

export const webhookReply = webhook.meta({ id: 'Webhook' })

export const webhookCreatedReply = webhook
  .extend({
    secret: z.string().meta({
      description: 'With which deliveries are signed (Standard Webhooks). Shown this once.',
      example: 'whsec_…',
    }),
  })
  .meta({ id: 'WebhookCreated' })

export const webhooksReply = z.strictObject({ webhooks: z.array(webhookReply) }).meta({ id: 'Webhooks' })

export const deliveriesQuery = z.strictObject({
  status: z.enum(['pending', 'received', 'failed']).optional(),
  cursor: z.string().max(64).optional().meta({ description: 'The `nextCursor` of the page before.' }),
  limit: z
    .string()
    .max(16)
    .optional()
    .meta({
      description: `Entries of a page at most: 1 to ${deliveryPageMax}, 50 unless given.`,
      example: '20',
    }),
})

export const deliveryReply = z
  .strictObject({
    id: z.string(),
    eventId: z
      .string()
      .meta({ description: 'The `webhook-id` of each try, by which repetitions are known.' }),
    type: z.string(),
    status: z.enum(['pending', 'received', 'failed']),
    tries: z.int().nonnegative(),
    nextTryAt: instant.optional(),
    lastTryAt: instant.optional(),
    lastStatus: z.int().optional().meta({ description: 'What the subscriber answered.' }),
    lastTrouble: z.string().optional().meta({ example: 'timed-out' }),
    createdAt: instant,
    body: z.string().meta({ description: 'What is sent, byte for byte.' }),
  })
  .meta({ id: 'WebhookDelivery' })

export const deliveriesReply = z
  .strictObject({ deliveries: z.array(deliveryReply), nextCursor: z.string().optional() })
  .meta({ id: 'WebhookDeliveries' })
