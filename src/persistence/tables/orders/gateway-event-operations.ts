/** What gateways have told, by the ids they gave it. */
import { read, write } from '../operation.ts'
import { change, type Query, row } from '../query.ts'

type Event = { readonly provider: string; readonly eventId: string }
/** Longer than any provider goes on telling. */
const knownMs = 90 * 86_400_000
const forgottenAtOnceMax = 10

export const gatewayEventOperations = {
  'gatewayEvents.isKnown': read(function* ({ provider, eventId }: Event): Query<boolean> {
    const known = yield* row(
      'SELECT 1 AS known FROM gateway_events WHERE provider = ? AND event_id = ?',
      provider,
      eventId,
    )
    return known !== undefined
  }),
  'gatewayEvents.note': write(function* (
    { provider, eventId }: Event,
    { nowMs },
  ): Query<{
    readonly type: 'noted'
  }> {
    yield* change(
      'INSERT INTO gateway_events (provider, event_id, at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      provider,
      eventId,
      nowMs,
    )
    yield* change(
      `DELETE FROM gateway_events WHERE event_id IN
         (SELECT event_id FROM gateway_events WHERE at_ms < ? ORDER BY at_ms LIMIT ? /* skip locked */)`,
      nowMs - knownMs,
      forgottenAtOnceMax,
    )
    return { type: 'noted' }
  }),
}
