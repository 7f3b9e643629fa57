/**
 * What HTTP alone costs: Hono on @hono/node-server reads a JSON body and answers 201 with as many bytes, and the same
 * header fields, as a reservation's reply has. It checks nothing, knows nobody and keeps nothing.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const RESERVATION_ID = 'res_01KAK8Q2W7B4TXN0GZ5R9M3VHC06'

const app = new Hono()
app.post('/v1/reservations', async (context) => {
  const { items, customerId } = await context.req.json()
  const [{ productId, quantity }] = items
  return context.json(
    {
      reservationId: RESERVATION_ID,
      status: 'held',
      items: [{ productId, quantity, available: 999_900_000 }],
      customerId,
      expiresAt: '2026-11-21T08:15:30.123Z',
      sequence: 123_456,
    },
    201,
    {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': 'k3v9x0qa-2n9c',
      location: `/v1/reservations/${RESERVATION_ID}`,
      'holdfast-position': 's6.123456',
    },
  )
})

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.send?.({ port }),
)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  if ('closeIdleConnections' in server) server.closeIdleConnections()
})
process.on('disconnect', () => process.exit(1))
