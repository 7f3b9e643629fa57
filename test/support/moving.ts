/** A shop that is moved: what is sold in it, all that it tells, and the command that moves it. */
import * as assert from 'uvu/assert'
import { type CommandEnded, command } from './commands.ts'
import { callServer } from './http-call.ts'
import { adminKey, pause, type ServerProcess, segmentBytes } from './server-process.ts'

export const shardsOfShop = 3
const PRODUCTS = ['phone', 'cable', 'case', 'lamp', 'mug', 'pen'] as const
const RESERVATIONS = 12
const ASK_AGAIN_MS = 20
const TELLS_WITHIN_MS = 20_000

type Told = { readonly status: number; readonly body: Readonly<Record<string, unknown>> }

/** Of a reservation. */
type Body = {
  readonly status: string
  readonly items: readonly { readonly productId: string; readonly quantity: number }[]
}

/** Of a product, the newest first. */
type Events = { readonly events: readonly { readonly version: number }[] }

/** Of a server on one machine. */
export const aloneWith: Readonly<Record<string, string>> = { SHARDS: String(shardsOfShop), WORKERS: '2' }

/** Of a node, and of the command beside it. */
export function amongOthers(redisUrl: string): Readonly<Record<string, string>> {
  return { SHARDS: String(shardsOfShop), REDIS_URL: redisUrl, CLUSTER_SECRET: 'q'.repeat(20) + adminKey }
}

export function move(
  directory: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CommandEnded> {
  return command('move', args, { DATA_DIR: directory, SEGMENT_BYTES: String(segmentBytes), ...environment })
}

/** Moves, and expects that it went well; answers the lines with the states' hashes. */
export async function moved(...given: Parameters<typeof move>): Promise<readonly string[]> {
  const { code, out, err } = await move(...given)
  assert.is(code, 0, out + err)
  return out.split('\n').filter((line) => line.startsWith('shard '))
}

export class MovedShop {
  readonly #reservations: string[] = []
  readonly #keys: string[] = []
  /** Of what was written, by shard: what is told must rest on all of it. */
  readonly #positions = new Map<string, number>()
  #round = 0

  /** Delivers, reserves one or two products under idempotency keys, and settles some. */
  async sell(server: ServerProcess): Promise<void> {
    this.#round += 1
    for (const productId of PRODUCTS) {
      const path = `/v1/products/${productId}/stock/adjustments`
      const delivery = { delta: 100, reason: `round ${this.#round}` }
      const { status, headers } = await server.request('POST', path, delivery)
      assert.is(status, 200)
      this.#note(headers)
    }
    for (let i = 0; i < RESERVATIONS; i++) {
      const key = `key-${this.#round}-${i}`
      const { status, body } = await this.#reserve(server, key)
      assert.is(status, 201, JSON.stringify(body))
      this.#keys.push(key)
      this.#reservations.push(String(body.reservationId))
      const end = ['confirm', 'release', undefined][i % 3]
      if (end === undefined) continue
      const settled = await server.request('POST', `/v1/reservations/${String(body.reservationId)}/${end}`)
      assert.is(settled.status, 200, JSON.stringify(settled.body))
      this.#note(settled.headers)
    }
  }

  /** All that it knows, without what changes by itself, once every shard has heard how reservations of several ended. */
  async told(server: ServerProcess): Promise<Readonly<Record<string, Told>>> {
    const givenUpMs = performance.now() + TELLS_WITHIN_MS
    for (;;) {
      const answers = await this.#toldNow(server)
      if (this.#holdsAgree(answers)) return answers
      assert.ok(performance.now() < givenUpMs, 'products hold what reservations do not')
      await pause(ASK_AGAIN_MS)
    }
  }

  async #toldNow(server: ServerProcess): Promise<Readonly<Record<string, Told>>> {
    const answers: Record<string, Told> = {}
    const minPosition = [...this.#positions].map(([shard, sequence]) => `${shard}.${sequence}`).join()
    for (const productId of PRODUCTS) {
      for (const path of [
        `/v1/products/${productId}/stock`,
        `/v1/products/${productId}/stock/events?limit=100&minPosition=${minPosition}`,
      ])
        answers[path.replace(/&.*/, '')] = await this.#ask(server, path)
    }
    for (const id of this.#reservations) answers[id] = await this.#ask(server, `/v1/reservations/${id}`)
    answers.list = await this.#ask(server, `/v1/reservations?limit=100&minPosition=${minPosition}`)
    for (const key of this.#keys) answers[key] = await this.#reserve(server, key)
    return answers
  }

  /**
   * Whether products hold what reservations hold, and their lists of events have all that made them so: of one that has ended,
   * other shards than its home hear a little later, and the history of that later still.
   */
  #holdsAgree(answers: Readonly<Record<string, Told>>): boolean {
    const held = new Map<string, number>()
    for (const id of this.#reservations) {
      const { status, items } = (answers[id] as Told).body as Body
      if (status !== 'held') continue
      for (const { productId, quantity } of items) held.set(productId, (held.get(productId) ?? 0) + quantity)
    }
    return PRODUCTS.every((productId) => {
      const path = `/v1/products/${productId}/stock`
      const stock = answers[path]?.body
      const { events } = (answers[`${path}/events?limit=100`] as Told).body as Events
      return stock?.held === (held.get(productId) ?? 0) && stock.version === events[0]?.version
    })
  }

  async #reserve(server: ServerProcess, key: string): Promise<Told> {
    const i = Number(key.split('-')[2])
    const first = PRODUCTS[i % PRODUCTS.length]
    const second = PRODUCTS[(i * 5 + 1) % PRODUCTS.length]
    const items = [...new Set([first, ...(i % 2 === 0 ? [second] : [])])].map((productId) => ({
      productId,
      quantity: 1,
    }))
    const body = { items, customerId: `customer-${i}`, ttlSeconds: 600 }
    const options = { token: adminKey, body, idempotencyKey: key }
    const outcome = await callServer(server.port, ['POST', '/v1/reservations'], options)
    assert.is(outcome.type, 'answered', JSON.stringify(outcome))
    if (outcome.type !== 'answered') return { status: 0, body: {} }
    this.#note(outcome.headers)
    return { status: outcome.status, body: outcome.body }
  }

  #note(headers: Readonly<Record<string, unknown>>): void {
    for (const part of String(headers['holdfast-position'] ?? '').split(',')) {
      const [shard, sequence] = part.split('.')
      if (shard?.startsWith('s') !== true) continue
      this.#positions.set(shard, Math.max(this.#positions.get(shard) ?? 0, Number(sequence)))
    }
  }

  /** Again for as long as its history is not there yet. */
  async #ask(server: ServerProcess, path: string): Promise<Told> {
    const givenUpMs = performance.now() + TELLS_WITHIN_MS
    for (;;) {
      const { status, body: all } = await server.request('GET', path)
      const { asOf: _, ...body } = all
      if (status !== 503 || performance.now() > givenUpMs) return { status, body }
      await pause(ASK_AGAIN_MS)
    }
  }
}
