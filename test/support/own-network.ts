/**
 * The network as one process has it: whatever it connects to of these ports, it reaches through proxies of its own, each of
 * which can be cut, silenced and slowed. Nobody else notices. The process is real, and so is what it connects to.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CutProxy } from './cut-proxy.ts'

export class OwnNetwork {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-network-'))
  readonly #proxies: ReadonlyMap<number, CutProxy>

  private constructor(proxies: ReadonlyMap<number, CutProxy>) {
    this.#proxies = proxies
    writeFileSync(join(this.#directory, 'network.mjs'), this.#script())
  }

  /**
   * To these loopback ports, whether anybody listens there yet or not; where two are given, whoever connects to the first is
   * led to the second.
   */
  static async start(ports: readonly (number | readonly [from: number, to: number])[]): Promise<OwnNetwork> {
    const proxies = await Promise.all(
      ports.map(async (port) => {
        const [from, to] = typeof port === 'number' ? [port, port] : port
        return [from, await CutProxy.start(to)] as const
      }),
    )
    return new OwnNetwork(new Map(proxies))
  }

  /** For every thread of a process that is given these arguments of Node. */
  get nodeArguments(): readonly string[] {
    return ['--import', join(this.#directory, 'network.mjs')]
  }

  /** The ways to these ports. */
  to(ports: readonly number[]): readonly CutProxy[] {
    return ports.map((port) => {
      const proxy = this.#proxies.get(port)
      if (proxy === undefined) throw new Error(`port ${port} is not of this network`)
      return proxy
    })
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()))
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** What connects by other means than a socket of Node's does not go through it. */
  #script(): string {
    const ways = JSON.stringify([...this.#proxies].map(([port, proxy]) => [String(port), proxy.port]))
    return `
      import { Socket } from 'node:net'
      const ways = new Map(${ways})
      const connect = Socket.prototype.connect
      Socket.prototype.connect = function (...given) {
        const [first] = given
        const options = Array.isArray(first) ? first[0] : first
        const port = typeof options === 'object' ? options.port : options
        const way = ways.get(String(port))
        if (way === undefined) return connect.apply(this, given)
        if (typeof options === 'object') options.port = way
        else given[0] = way
        return connect.apply(this, given)
      }`
  }
}
