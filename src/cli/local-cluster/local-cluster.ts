/**
 * The whole topology as processes of this machine: Redis Cluster, PostgreSQL, Typesense, nodes, and a balancer before
 * them. Comes up from the stores to the door, and goes down from the door to the stores.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AppNodes } from './app-nodes.ts'
import { Balancer } from './balancer.ts'
import type { ChildProgram, Surroundings } from './child-program.ts'
import { type ClusterPlan, primaries } from './cluster-plan.ts'
import { LocalPostgres } from './local-postgres.ts'
import { LocalRedis } from './local-redis.ts'
import { LocalTypesense } from './local-typesense.ts'

export type LocalClusterOptions = {
  readonly root: string
  readonly plan: ClusterPlan
  /** Of the balancer. */
  readonly port: number
  /** What they are started by; absent where there is to be none. */
  readonly redisServer: string
  readonly typesenseServer: string | undefined
  readonly hasPostgres: boolean
}

type Part = { readonly programs: readonly ChildProgram[]; start(): Promise<void>; stop(): Promise<void> }

export class LocalCluster {
  readonly url: string
  readonly redis: LocalRedis
  readonly nodes: AppNodes
  readonly #balancer: Balancer
  readonly #port: number
  readonly #stores: readonly Part[]

  /** Throws where PostgreSQL is wanted and cannot be used. */
  constructor(options: LocalClusterOptions, around: Surroundings) {
    const { root, plan, port, redisServer, typesenseServer, hasPostgres } = options
    const logs = join(root, 'logs')
    mkdirSync(logs, { recursive: true })
    const place = { root, logs }
    this.redis = new LocalRedis({ ...place, file: redisServer, ports: plan.redis, primaries }, around)
    const postgres = hasPostgres
      ? LocalPostgres.prepare({ ...place, port: plan.postgres }, around)
      : undefined
    const typesense =
      typesenseServer === undefined
        ? undefined
        : new LocalTypesense(
            { ...place, file: typesenseServer, ports: plan.typesense, apiKey: plan.typesenseKey },
            around,
          )
    this.#stores = [this.redis, postgres, typesense].filter((part) => part !== undefined)
    const environment = {
      REDIS_URL: this.redis.url,
      REDIS_ACK: plan.replicas === 0 ? 'aof' : `replicas:${plan.replicas}`,
      CLUSTER_SECRET: plan.clusterSecret,
      LISTENERS: '1',
      UV_THREADPOOL_SIZE: '16',
      ...(postgres === undefined ? {} : { DATABASE_URL: postgres.url }),
      ...(typesense === undefined
        ? {}
        : { TYPESENSE_URL: typesense.urls.join(','), TYPESENSE_API_KEY: plan.typesenseKey }),
    }
    const { adminKey, nodes: ports } = plan
    this.nodes = new AppNodes({ ...place, ports, adminKey, environment }, around)
    this.#balancer = new Balancer(this.nodes.targets, around.timers)
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
  }

  get programs(): readonly ChildProgram[] {
    return [...this.#stores, this.nodes].flatMap(({ programs }) => programs)
  }

  /** Names of the nodes that get connections. */
  get ready(): readonly string[] {
    return this.#balancer.ready
  }

  /** Rejects where a part does not come up; what has is for `stop` to end. */
  async start(): Promise<void> {
    await Promise.all(this.#stores.map((part) => part.start()))
    await this.nodes.start()
    await this.#balancer.listen(this.#port)
  }

  async stop(): Promise<void> {
    await this.#balancer.close()
    await this.nodes.stop()
    await Promise.all(this.#stores.map((part) => part.stop()))
  }
}
