/**
 * Several nodes as a buyer has them: each call goes to one of those that a balancer would name, and where that does not
 * answer, or says that nothing happened, once more to another one. What can be done twice is asked twice only under a key.
 */
import type { Agent } from 'node:http'
import type { AppNode } from './app-node.ts'
import { type CallOutcome, callServer, keptConnections } from './http-call.ts'
import type { Shop, ShopRequest } from './load-client.ts'
import { adminKey, pause, type ServerProcess } from './server-process.ts'

export type ClusterShopOptions = {
  /** Those a balancer would name now. */
  readonly nodes: () => readonly AppNode[]
  readonly connections: number
  /** After this long a buyer asks elsewhere. */
  readonly patienceMs?: number
}

export type ShopCounts = {
  calls: number
  /** Calls that the first node did not answer, or turned away; and those that the second did neither. */
  failedOnce: number
  failedTwice: number
}

const PATIENCE_MS = 6_000
const WHYS_MAX = 20
const NOBODY: CallOutcome = { type: 'unreached', why: 'no node is up' }

export class ClusterShop implements Shop {
  readonly counts: ShopCounts = { calls: 0, failedOnce: 0, failedTwice: 0 }
  /** Of the last that failed. */
  readonly whys: string[] = []
  hasExited = false
  readonly #options: ClusterShopOptions
  readonly #agents = new Map<ServerProcess, Agent>()
  #turn = 0

  constructor(options: ClusterShopOptions) {
    this.#options = options
  }

  async call(target: readonly [method: string, path: string], request: ShopRequest): Promise<CallOutcome> {
    this.counts.calls += 1
    const first = this.#next()
    const outcome = await this.#callAt(first, target, request)
    if (!isFailure(outcome)) return outcome
    this.counts.failedOnce += 1
    this.#note(first, target, outcome)
    const [method] = target
    const mayRepeat = method === 'GET' || request.idempotencyKey !== undefined
    if (isUnknown(outcome) && !mayRepeat) return outcome
    const second = this.#next(first)
    const again = await this.#callAt(second, target, request)
    if (isFailure(again)) {
      this.counts.failedTwice += 1
      this.#note(second, target, again)
    }
    const isDone = again.type === 'answered' && again.status < 300
    // The first may be on its way still, however the second was refused: whoever asked does not know.
    return isUnknown(outcome) && !isDone ? outcome : again
  }

  /** Without a second try. */
  callOnce(target: readonly [method: string, path: string], request: ShopRequest): Promise<CallOutcome> {
    return this.#callAt(this.#next(), target, request)
  }

  pause(ms: number): Promise<void> {
    return pause(ms)
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #note(node: AppNode | undefined, [, path]: readonly [string, string], outcome: CallOutcome): void {
    this.whys.push(`${node?.name}: ${path}: ${shown(outcome)}`)
    if (this.whys.length > WHYS_MAX) this.whys.shift()
  }

  #next(without?: AppNode): AppNode | undefined {
    const all = this.#options.nodes()
    const others = all.filter((node) => node !== without)
    const from = others.length > 0 ? others : all
    this.#turn += 1
    return from[this.#turn % from.length]
  }

  #callAt(
    node: AppNode | undefined,
    target: readonly [method: string, path: string],
    { body, idempotencyKey }: ShopRequest,
  ): Promise<CallOutcome> {
    if (node === undefined || !node.isRunning || !node.server.hasStarted()) return Promise.resolve(NOBODY)
    const { server } = node
    const { connections, patienceMs = PATIENCE_MS } = this.#options
    const agent = this.#agents.get(server) ?? keptConnections(connections)
    this.#agents.set(server, agent)
    return callServer(server.port, target, { agent, token: adminKey, body, idempotencyKey, patienceMs })
  }
}

function isUnknown(outcome: CallOutcome): boolean {
  return outcome.type === 'cut' || (outcome.type === 'answered' && outcome.status === 504)
}

function isFailure(outcome: CallOutcome): boolean {
  return outcome.type !== 'answered' || outcome.status >= 500
}

function shown(outcome: CallOutcome): string {
  return outcome.type === 'answered' ? `${outcome.status} ${outcome.body.code}` : outcome.why
}
