/**
 * The ways people keep stock in PostgreSQL. Each reserves one unit for one customer and writes the reservation in the same
 * transaction; callers of a way share its connections in turn.
 */
import type { Client } from 'pg'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { Reserve } from '../support/callers.ts'

type Draw = (productId: ProductId) => ReservationId

const TTL_MS = 600_000

const ONE_ROW = `
  WITH taken AS (
    UPDATE stock SET available = available - $3 WHERE product_id = $2 AND available >= $3 RETURNING available
  )
  INSERT INTO reservation SELECT $1, $2, $4, $3, $5 FROM taken`

/** Whoever begins at another unit than its neighbour seldom meets a lock; all units lie in a row from 1. */
const ONE_UNIT = `
  WITH free AS (
    SELECT id FROM unit WHERE product_id = $2 AND reservation_id IS NULL AND id >= $5
    ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
  ), taken AS (
    UPDATE unit SET reservation_id = $1 FROM free WHERE unit.id = free.id RETURNING unit.id
  )
  INSERT INTO reservation SELECT $1, $2, $3, 1, $4 FROM taken`

const BATCH = 'SELECT reserve_all($1, $2, $3, $4, $5)'

/** A conditional UPDATE of the product's one row, and the reservation, in one statement. */
export function oneRow(clients: readonly Client[], draw: Draw): Reserve<boolean> {
  const client = inTurn(clients)
  return async (productId, customerId) => {
    const values = [draw(productId), productId, 1, customerId, expiry()]
    const { rowCount } = await client().query({ name: 'one-row', text: ONE_ROW, values })
    return rowCount === 1
  }
}

/** A row a unit: takes the first one from some place on that nobody has locked; from the first where none is left there. */
export function oneUnit(clients: readonly Client[], draw: Draw, units: number): Reserve<boolean> {
  const client = inTurn(clients)
  const from = async (first: number, productId: ProductId, customerId: CustomerId) => {
    const values = [draw(productId), productId, customerId, expiry(), first]
    const { rowCount } = await client().query({ name: 'one-unit', text: ONE_UNIT, values })
    return rowCount === 1
  }
  return async (productId, customerId) => {
    const first = 1 + Math.floor(Math.random() * units)
    return (await from(first, productId, customerId)) || from(1, productId, customerId)
  }
}

type Waiting = {
  readonly productId: ProductId
  readonly customerId: CustomerId
  readonly resolve: (isHeld: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * The shop's server gathers what waits, up to `most`, into one transaction a connection: group commit made by hand. Each
 * product's row is locked and updated once a batch.
 */
export function batched(clients: readonly Client[], draw: Draw, most: number): Reserve<boolean> {
  let waiting: Waiting[] = []
  const idle = [...clients]
  let isDue = false

  const sendAll = (): void => {
    isDue = false
    while (waiting.length > 0 && idle.length > 0) {
      const batch = waiting.slice(0, most)
      waiting = waiting.slice(most)
      void send(idle.pop() as Client, batch)
    }
  }
  const send = async (client: Client, batch: readonly Waiting[]): Promise<void> => {
    try {
      const ids = batch.map(({ productId }) => draw(productId))
      const values = [
        ids,
        batch.map(({ productId }) => productId),
        batch.map(({ customerId }) => customerId),
        batch.map(() => 1),
        expiry(),
      ]
      const { rows } = await client.query({ name: 'batch', text: BATCH, values })
      const refused = new Set(rows.map(({ reserve_all }) => reserve_all))
      batch.forEach(({ resolve }, i) => void resolve(!refused.has(ids[i])))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
    idle.push(client)
    soon()
  }
  // At the end of the tick, so that whoever was just answered and asks again is in the batch.
  const soon = (): void => {
    if (isDue) return
    isDue = true
    setImmediate(sendAll)
  }
  return (productId, customerId) =>
    new Promise((resolve, reject) => {
      waiting.push({ productId, customerId, resolve, reject })
      soon()
    })
}

function inTurn(clients: readonly Client[]): () => Client {
  let next = 0
  return () => clients[next++ % clients.length] as Client
}

function expiry(): string {
  return new Date(Date.now() + TTL_MS).toISOString()
}
