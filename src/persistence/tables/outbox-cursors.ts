/** How far each consumer has read the outbox: moved in the transaction of what it made of the events. */
import type { OutboxEvent } from './outbox.ts'
import { eventsAfter } from './outbox.ts'
import { alone, change, type Query, row } from './query.ts'

/** The next events for this consumer. Whoever takes them moves the cursor in the same transaction. */
export function* unread(consumer: string, limit: number): Query<readonly OutboxEvent[]> {
  yield* alone('outbox cursor', consumer)
  return yield* eventsAfter(yield* cursorOf(consumer), limit)
}

/** Marks these events as read; false where another one has read them meanwhile, whose work then stands. */
export function* markRead(consumer: string, events: readonly OutboxEvent[]): Query<boolean> {
  const last = events.at(-1)
  if (last === undefined) return true
  const from = yield* cursorOf(consumer)
  yield* change(
    'INSERT INTO outbox_cursors (consumer, last_id) VALUES (?, 0) ON CONFLICT (consumer) DO NOTHING',
    consumer,
  )
  const sql = 'UPDATE outbox_cursors SET last_id = ? WHERE consumer = ? AND last_id = ? AND last_id < ?'
  return (yield* change(sql, last.id, consumer, from, last.id)) === 1
}

/** Id of the last event it has read; 0 before the first. */
export function* cursorOf(consumer: string): Query<number> {
  const sql = 'SELECT last_id AS "lastId" FROM outbox_cursors WHERE consumer = ?'
  return (yield* row<{ readonly lastId: number }>(sql, consumer))?.lastId ?? 0
}
