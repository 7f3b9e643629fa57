/**
 * The wires between the nodes of a Redis Cluster and to them, so that one can be cut off from the others while it runs. Each
 * node is announced at two proxies, for clients and replicas and for the cluster's bus, and calls the others from a loopback
 * address of its own, by which their proxies know it.
 */

import { freePorts } from '../../src/cli/local-cluster/free-ports.ts'
import type { RedisSettings } from '../../src/cli/local-cluster/redis-settings.ts'
import { CutProxy } from './cut-proxy.ts'

export type RedisWire = {
  /** Of the process itself, past the proxies. */
  readonly port: number
  readonly settings: RedisSettings
  /** Where it is announced. */
  readonly announced: { readonly port: number; readonly busPort: number }
  readonly source: string
  readonly proxies: readonly CutProxy[]
}

export class RedisWires {
  readonly all: readonly RedisWire[]
  readonly #isolated = new Set<RedisWire>()

  private constructor(all: readonly RedisWire[]) {
    this.all = all
  }

  static async lay(count: number): Promise<RedisWires> {
    return new RedisWires(await Promise.all(Array.from({ length: count }, (_, index) => layWire(index))))
  }

  /** From the other nodes, and from every client that uses its announced port; who knows its own port still reaches it. */
  isolate(wire: RedisWire): void {
    this.#isolated.add(wire)
    this.#cut()
  }

  heal(wire: RedisWire): void {
    this.#isolated.delete(wire)
    this.#cut()
  }

  isIsolated(wire: RedisWire): boolean {
    return this.#isolated.has(wire)
  }

  async close(): Promise<void> {
    await Promise.all(this.all.flatMap(({ proxies }) => proxies.map((proxy) => proxy.close())))
  }

  #cut(): void {
    const sources = new Set([...this.#isolated].map(({ source }) => source))
    for (const wire of this.all) {
      for (const proxy of wire.proxies) {
        if (this.#isolated.has(wire)) proxy.cut()
        else if (sources.size > 0) proxy.cut((address) => sources.has(address))
        else proxy.heal()
      }
    }
  }
}

async function layWire(index: number): Promise<RedisWire> {
  const [port, busPort] = (await freePorts(2)) as [number, number]
  const [clients, bus] = [await CutProxy.start(port), await CutProxy.start(busPort)]
  const source = `127.0.1.${index + 1}`
  return {
    port,
    settings: {
      'cluster-port': busPort,
      'bind-source-addr': source,
      'cluster-announce-ip': clients.host,
      'cluster-announce-port': clients.port,
      'cluster-announce-bus-port': bus.port,
    },
    announced: { port: clients.port, busPort: bus.port },
    source,
    proxies: [clients, bus],
  }
}
