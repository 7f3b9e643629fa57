/** What must hold of the stock once a run is over: the journal adds up, and the API says what it adds up to. */
import { StockBooks } from '../support/stock-books.ts'
import { PRODUCTS } from './values.ts'
import type { FuzzWorld } from './world.ts'

const PAUSE_MS = 3_000
const PAUSES_MAX = 20

/** All that does not, in sentences. */
export async function stockFaults(world: FuzzWorld): Promise<readonly string[]> {
  const books = await settledBooks(world)
  const faults = [...books.faults, ...books.several.disagreements(), ...books.several.pending()]
  const agreed = books.agreedStocks()
  for (const productId of PRODUCTS) {
    const booked = agreed.get(productId)
    const { status, json } = await read(world, productId)
    if (booked === undefined) {
      if (status !== 404) faults.push(`${productId} has no events, and is answered ${status}`)
      continue
    }
    const { onHand, held, sold, available, version } = json as Record<string, number>
    const wanted = { ...booked, available: booked.onHand - booked.held - booked.earmarked }
    if (!(wanted.available >= 0)) faults.push(`${wanted.available} of ${productId} are available (I2)`)
    const said = { onHand, held, sold, available, version }
    for (const [name, value] of Object.entries(said)) {
      const want = wanted[name as keyof typeof said]
      if (value !== want) faults.push(`${name} of ${productId} is ${value}, booked ${want}`)
    }
  }
  return faults
}

/** What shards have to tell each other has arrived; a hold that expires meanwhile makes them speak again. */
async function settledBooks(world: FuzzWorld): Promise<StockBooks> {
  for (let left = PAUSES_MAX; ; left--) {
    await world.pass(PAUSE_MS)
    const books = new StockBooks()
    for (const events of world.events().values()) books.count(events)
    if (left === 0 || [...books.several.pending()].length === 0) return books
  }
}

async function read(world: FuzzWorld, productId: string) {
  const request = {
    method: 'GET',
    target: `/v1/products/${productId}/stock`,
    headers: [['authorization', 'Bearer admin']],
    body: undefined,
    from: undefined,
  } as const
  const [sent] = await world.send([request])
  if (sent === undefined) throw new Error('a request has no reply')
  return sent.reply
}
