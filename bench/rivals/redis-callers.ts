/** Callers of a Redis that runs a script a reservation, over any number of connections; and its books, checked afterwards. */
import type { Redis } from 'ioredis'
import type { ProductId } from '../../src/domain/ids.ts'
import { Callers, type Load } from '../support/callers.ts'
import { idDrawer } from '../support/ids.ts'
import type { Tried } from '../support/sweep.ts'
import type { RedisServer } from './redis-server.ts'

export type RedisPoint = { readonly connections: number; readonly callers: number }

const CONNECTIONS = [1, 2, 4, 8]
const CALLERS = [64, 256, 1_024, 4_096]
export const TINY_POINT: RedisPoint = { connections: 2, callers: 64 }

/** Where it may be at its best: a caller is a command under way, so callers ÷ connections is how deep a pipeline gets. */
export function redisPoints(): readonly RedisPoint[] {
  return CONNECTIONS.flatMap((connections) => CALLERS.map((callers) => ({ connections, callers })))
}

export class RedisCallers {
  readonly #server: RedisServer
  readonly #callers: Callers<unknown>
  #clients: readonly Redis[] = []
  #next = 0

  constructor(server: RedisServer) {
    const draw = idDrawer()
    this.#server = server
    this.#callers = new Callers({
      reserve: (productId, customerId) => {
        const client = this.#clients[this.#next++ % this.#clients.length] as Redis
        return server.reserve(client, draw(productId), productId, customerId)
      },
      isHeld: (left) => typeof left === 'number' && left >= 0,
    })
  }

  get acknowledged(): number {
    return this.#callers.acknowledged
  }

  /** Reservations a second. */
  async run({ connections, callers }: RedisPoint, load: Omit<Load, 'callers'>): Promise<number> {
    this.#clients = await this.#server.connect(connections)
    const perSecond = await this.#callers.run({ callers, ...load })
    for (const client of this.#clients) client.disconnect()
    return perSecond
  }

  /** Throws where what Redis holds is not what it acknowledged, of products that had so many units each. */
  async check(products: readonly ProductId[], units: number): Promise<void> {
    const { reservations, available } = await this.#server.totals(products)
    if (reservations !== this.acknowledged)
      throw new Error(`Redis acknowledged ${this.acknowledged} and holds ${reservations}`)
    if (available !== products.length * units - this.acknowledged) throw new Error('Redis lost count')
  }
}

/** What a sweep found, for a plot: a line a number of connections. */
export function linesOf(tried: readonly Tried<RedisPoint>[]) {
  const byConnections = Map.groupBy(tried, ({ point }) => point.connections)
  return [...byConnections].map(([connections, points]) => ({
    name: connections === 1 ? '1 connection' : `${connections} connections`,
    points: points.map(({ point, perSecond }) => [point.callers, perSecond] as const),
  }))
}
