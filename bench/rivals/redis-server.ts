/**
 * Redis as a stock engine that forgets nothing: a Lua script a reservation, the AOF synced before each reply.
 *
 * `appendfsync always` syncs once a turn of its event loop, so the more commands stand in its sockets, the more share a
 * sync; clients that pipeline are its group commit. Rewriting the AOF and saving are off, in its favour.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { endChild } from '../support/children.ts'
import { findProgram, type Presence, Started } from '../support/programs.ts'
import { cpuMsOf } from '../support/report.ts'

const SCRIPT = readFileSync(join(import.meta.dirname, 'reserve.lua'), 'utf8')
/** As the server names the script. */
const SHA = hash('sha1', SCRIPT)
const EXPIRIES = 'expiries'
const TTL_MS = 600_000
const PIPELINE_MAX = 10_000

/** What it says it has done since it was started. */
export type RedisCounts = {
  readonly scripts: number
  readonly waits: number
  readonly aofBytes: number
  /** That follow it now. */
  readonly replicas: number
  /** Bytes of the stream of writes that it has sent, or that it has taken where it follows another. */
  readonly offset: number
}

export class RedisServer {
  readonly port: number
  readonly #started: Started

  private constructor(started: Started, port: number) {
    this.#started = started
    this.port = port
  }

  /** In an existing, empty directory; with a primary to follow, it has all of that one's data when this resolves. */
  static async start(
    directory: string,
    { replicaOf, core }: { readonly replicaOf?: RedisServer; readonly core?: number } = {},
  ): Promise<Presence<RedisServer>> {
    const file = findProgram('redis-server')
    if (file === undefined) return { type: 'absent', why: 'redis-server is not present' }
    const port = await freePort()
    const settings = {
      bind: '127.0.0.1',
      port: String(port),
      dir: directory,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'auto-aof-rewrite-percentage': '0',
      maxclients: '256',
      loglevel: 'warning',
      'repl-diskless-sync-delay': '0',
      // A replica that falls behind in a burst is to catch up, not to begin anew.
      'repl-backlog-size': '256mb',
      'client-output-buffer-limit': 'replica 0 0 0',
      ...(replicaOf === undefined ? {} : { replicaof: `127.0.0.1 ${replicaOf.port}` }),
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [
      `--${name}`,
      ...(value === '' ? [''] : value.split(' ')),
    ])
    const server = new RedisServer(new Started({ file, args, directory, core }), port)
    const [client] = await server.connect(1)
    await server.#check(client as Redis)
    if (replicaOf === undefined) await client?.script('LOAD', SCRIPT)
    else await server.#untilFollowing(client as Redis)
    client?.disconnect()
    return { type: 'present', server }
  }

  /** Connections that gather the calls of a tick into one pipeline each. */
  async connect(count: number): Promise<readonly Redis[]> {
    const clients = Array.from({ length: count }, () => {
      const client = new Redis({ port: this.port, enableAutoPipelining: true, retryStrategy: () => 50 })
      // Until it is up; later ones reject the command they belong to.
      client.on('error', () => {})
      return client
    })
    await this.#started.until(() => Promise.all(clients.map((client) => client.ping())))
    return clients
  }

  /** Reserves one unit; resolves with the units left, negative where there were none. */
  reserve(client: Redis, id: ReservationId, productId: ProductId, customerId: CustomerId): Promise<unknown> {
    const expiresAtMs = Date.now() + TTL_MS
    const kept = `${productId} ${customerId} 1 ${expiresAtMs}`
    return client.evalsha(SHA, 3, stockKey(productId), id, EXPIRIES, 1, kept, expiresAtMs)
  }

  async stock(products: readonly ProductId[], units: number): Promise<void> {
    const [client] = await this.connect(1)
    for (let at = 0; at < products.length; at += PIPELINE_MAX) {
      const part = products.slice(at, at + PIPELINE_MAX)
      await client?.mset(...part.flatMap((productId) => [stockKey(productId), String(units)]))
    }
    client?.disconnect()
  }

  /** Units that can still be taken, over these products, and reservations it holds. */
  async totals(
    products: readonly ProductId[],
  ): Promise<{ readonly available: number; readonly reservations: number }> {
    const [client] = (await this.connect(1)) as [Redis]
    let available = 0
    for (let at = 0; at < products.length; at += PIPELINE_MAX) {
      const values = await client.mget(...products.slice(at, at + PIPELINE_MAX).map(stockKey))
      for (const value of values) available += Number(value)
    }
    const reservations = await client.zcard(EXPIRIES)
    const persistence = await client.info('persistence')
    client.disconnect()
    if (!persistence.includes('aof_last_write_status:ok')) throw new Error('its AOF was not written')
    return { available, reservations }
  }

  /** Forgets all it has, and so do its replicas. Its AOF grows on. */
  async empty(): Promise<void> {
    const [client] = (await this.connect(1)) as [Redis]
    await client.flushall('SYNC')
    client.disconnect()
  }

  async counts(): Promise<RedisCounts> {
    const [client] = (await this.connect(1)) as [Redis]
    const info = await client.info('all')
    client.disconnect()
    const numberOf = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0)
    return {
      scripts: numberOf(/^cmdstat_evalsha:calls=(\d+)/m),
      waits: numberOf(/^cmdstat_wait:calls=(\d+)/m),
      aofBytes: numberOf(/^aof_current_size:(\d+)/m),
      replicas: numberOf(/^connected_slaves:(\d+)/m),
      offset: numberOf(/^(?:slave_repl_offset|master_repl_offset):(\d+)/m),
    }
  }

  /** Time it has spent on cores, in ms. */
  cpuMs(): number {
    return cpuMsOf(this.#started.child.pid as number)
  }

  async stop(): Promise<void> {
    await endChild(this.#started.child)
  }

  async #untilFollowing(client: Redis): Promise<void> {
    await this.#started.until(async () => {
      if (!(await client.info('replication')).includes('master_link_status:up')) throw new Error('no link')
    })
  }

  /** That it does what it was told: a rival that syncs less would be no comparison. */
  async #check(client: Redis): Promise<void> {
    for (const [name, wanted] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
    ] as const) {
      const [, value] = (await client.config('GET', name)) as string[]
      if (value !== wanted) throw new Error(`its ${name} is ${value}`)
    }
  }
}

function stockKey(productId: ProductId): string {
  return `stock:${productId}`
}
