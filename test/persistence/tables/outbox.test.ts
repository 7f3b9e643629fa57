import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { migrate } from '../../../src/persistence/tables/migrations.ts'
import type { Notice } from '../../../src/persistence/tables/operation.ts'
import { enqueue, outboxOperations, outboxPageMax } from '../../../src/persistence/tables/outbox.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import { suite } from '../../support/suite.ts'

const outbox = suite('the outbox')

outbox('gives what happened in its order, from anywhere on, and says that there is more', () => {
  const database = new Database(':memory:')
  migrate(database, schema, 0)
  const session = new SqliteSession(database)
  const notices: Notice[] = []
  const moment = { nowMs: 7, notify: (notice: Notice) => void notices.push(notice) }
  const after = (id: number, limit = 10) => session.run(outboxOperations['outbox.after'].run({ id, limit }))
  const last = () => session.run(outboxOperations['outbox.last'].run({}))
  assert.is(last(), 0)
  for (const subjectId of ['ord_a', 'ord_b', 'ord_c'])
    session.run(enqueue({ type: 'order.created', subjectId, payload: { subjectId } }, moment))
  assert.is(last(), 3)
  assert.equal(after(1, 1), [
    { id: 2, type: 'order.created', subjectId: 'ord_b', payload: { subjectId: 'ord_b' }, atMs: 7 },
  ])
  assert.equal(
    after(0, outboxPageMax * 2).map(({ id }) => id),
    [1, 2, 3],
  )
  assert.equal(
    notices,
    [1, 2, 3].map((id) => ({ type: 'outbox', id })),
  )
  database.exec('DELETE FROM outbox')
  session.run(enqueue({ type: 'order.created', subjectId: 'ord_d', payload: {} }, moment))
  assert.is(last(), 4, 'no position comes twice')
  database.close()
})

outbox.run()
