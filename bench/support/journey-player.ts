/**
 * Shoppers in a process of their own, each signed in and with a connection: add, check out, pay, look at the order, and
 * again. Beside them may be others who only look at products. Plays each load it is sent, answers with what it measured,
 * and ends with its parent.
 */
import { JsonClient } from './json-client.ts'
import { type Latency, latencyOf } from './report.ts'

export type JourneyLoad = {
  readonly url: string
  /** `journey` is the whole way; `engine` is what the engine has to do for one: reserve, paying, confirm. */
  readonly way: 'journey' | 'engine'
  /** One for each shopper; the same service key for all on the engine's way. */
  readonly tokens: readonly string[]
  readonly products: readonly string[]
  /** Of each product, as a decimal number. */
  readonly price: number
  readonly forMs: number
  /** Who only looks at products, so many at a time. */
  readonly lookers: number
}

export const steps = ['add', 'checkout', 'pay', 'status'] as const

export type JourneyPlayed = {
  readonly journeys: number
  readonly perSecond: number
  /** Of whole journeys. */
  readonly latency: Latency
  readonly byStep: Readonly<Record<string, Latency>>
  /** Of looks at products. */
  readonly looks: Latency | undefined
  /** What was not answered as it should be, by what it was. */
  readonly unexpected: Readonly<Record<string, number>>
  /** What the client itself spent on a core, of the time the load took. */
  readonly clientBusy: number
}

process.on('message', (load) => void play(load as JourneyLoad).then((played) => process.send?.(played)))
process.on('disconnect', () => process.exit())

type Tally = {
  readonly whole: number[]
  readonly parts: Map<string, number[]>
  readonly looks: number[]
  readonly unexpected: Map<string, number>
}

async function play(load: JourneyLoad): Promise<JourneyPlayed> {
  const tally: Tally = { whole: [], parts: new Map(), looks: [], unexpected: new Map() }
  const startedMs = performance.now()
  const endsMs = startedMs + load.forMs
  const cpu = process.cpuUsage()
  const shoppers = load.tokens.map((token, i) => shop(load, { token, number: i, endsMs }, tally))
  const lookers = Array.from({ length: load.lookers }, (_, i) => look(load, { number: i, endsMs }, tally))
  await Promise.all([...shoppers, ...lookers])
  const { user, system } = process.cpuUsage(cpu)
  const tookMs = performance.now() - startedMs
  return {
    journeys: tally.whole.length,
    perSecond: (tally.whole.length * 1_000) / tookMs,
    latency: latencyOf(Float64Array.from(tally.whole)),
    byStep: Object.fromEntries(
      [...tally.parts].map(([step, samples]) => [step, latencyOf(Float64Array.from(samples))]),
    ),
    looks: tally.looks.length === 0 ? undefined : latencyOf(Float64Array.from(tally.looks)),
    unexpected: Object.fromEntries(tally.unexpected),
    clientBusy: (user + system) / 1_000 / tookMs,
  }
}

type Shopper = { readonly token: string; readonly number: number; readonly endsMs: number }

async function shop(load: JourneyLoad, shopper: Shopper, tally: Tally): Promise<void> {
  const client = new JsonClient(load.url)
  const timed = async (step: string, method: string, path: string, body?: unknown, expected = 200) => {
    const sentMs = performance.now()
    const { status, body: heard } = await client.call(method, path, shopper.token, body)
    const samples = tally.parts.get(step) ?? []
    samples.push(performance.now() - sentMs)
    tally.parts.set(step, samples)
    if (status === expected) return heard
    const what = `${step} ${status} ${heard.code ?? ''}`
    tally.unexpected.set(what, (tally.unexpected.get(what) ?? 0) + 1)
    return undefined
  }
  for (let nr = shopper.number; performance.now() < shopper.endsMs; nr += load.tokens.length) {
    const productId = load.products[nr % load.products.length]
    const startedMs = performance.now()
    const isDone =
      load.way === 'journey'
        ? await journey(timed, productId, load.price)
        : await engineWay(timed, productId, `c${nr}`)
    if (isDone) tally.whole.push(performance.now() - startedMs)
  }
  client.close()
}

type Timed = (
  step: string,
  method: string,
  path: string,
  body?: unknown,
  expected?: number,
) => Promise<Record<string, unknown> | undefined>

async function journey(timed: Timed, productId: string | undefined, amount: number): Promise<boolean> {
  const cart = await timed('add', 'POST', '/v1/cart/add', { productId, quantity: 1 })
  if (cart === undefined) return false
  const order = await timed('checkout', 'POST', '/v1/checkout', { cartId: cart.cartId }, 201)
  if (order === undefined) return false
  const { orderId } = order
  const payment = { orderId, paymentMethod: 'card', amount, paymentToken: 'tok_visa' }
  const paid = await timed('pay', 'POST', '/v1/payment', payment)
  if (paid?.status !== 'success') return false
  const progress = await timed('status', 'GET', `/v1/orders/${orderId}/status`)
  return progress?.status === 'confirmed'
}

async function engineWay(timed: Timed, productId: string | undefined, customerId: string): Promise<boolean> {
  const body = { items: [{ productId, quantity: 1 }], customerId }
  const held = await timed('reserve', 'POST', '/v1/reservations', body, 201)
  if (held === undefined) return false
  const path = `/v1/reservations/${held.reservationId}`
  await timed('paying', 'POST', `${path}/paying`, {})
  return (await timed('confirm', 'POST', `${path}/confirm`, {})) !== undefined
}

async function look(
  load: JourneyLoad,
  { number, endsMs }: Omit<Shopper, 'token'>,
  tally: Tally,
): Promise<void> {
  const client = new JsonClient(load.url)
  for (let nr = number; performance.now() < endsMs; nr += 7) {
    const sentMs = performance.now()
    const { status } = await client.call(
      'GET',
      `/v1/products/${load.products[nr % load.products.length]}`,
      undefined,
    )
    if (status === 200) tally.looks.push(performance.now() - sentMs)
    else tally.unexpected.set(`look ${status}`, (tally.unexpected.get(`look ${status}`) ?? 0) + 1)
  }
  client.close()
}
