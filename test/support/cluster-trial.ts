/**
 * Several nodes under a load of buyers that goes on whatever happens, a ledger of what they heard outside of all of them, and
 * a witness of the journal: what a test of faults needs before and after the fault itself.
 */
import * as assert from 'uvu/assert'
import type { AppNode } from './app-node.ts'
import { type ClusterOptions, ClusterProcesses } from './cluster-processes.ts'
import { ClusterShop } from './cluster-shop.ts'
import { ClusterWitness } from './cluster-witness.ts'
import type { CallOutcome } from './http-call.ts'
import { expectSameAnswers, type Verdict } from './journal-oracle.ts'
import { LoadClient } from './load-client.ts'
import { RequestLedger } from './request-ledger.ts'
import { sellAgain } from './selling-probe.ts'
import { pause } from './server-process.ts'

export type TrialOptions = ClusterOptions & {
  readonly seed?: number
  /** Buyers at a time. */
  readonly buyers?: number
}

const PLENTY = 1_000_000
/** Fought for: what is oversold is seen here. */
const SCARCE_UNITS = 60
const BUYERS = 8
const SETTLED_WITHIN_MS = 20_000
const LOOK_MS = 100
/** Longer than any server lets a caller wait. */
const PATIENCE_MS = 20_000
/** Buyers are not to take a whole core of a machine that also runs all servers. */
const TURNED_AWAY_MS = 40
const BETWEEN_CALLS_MS = 15

export class ClusterTrial {
  readonly all: ClusterProcesses
  readonly ledger = new RequestLedger({ hasLateArrivals: true })
  readonly witness: ClusterWitness
  /** Of each shard one, sold to nobody but whoever measures. */
  readonly probes: readonly string[]
  /** Where buyers go, and where whoever measures goes. */
  shop: ClusterShop
  readonly #products: readonly string[]
  readonly #options: TrialOptions
  #load: LoadClient | undefined
  #loads = 0
  #served: readonly AppNode[] | undefined

  private constructor(all: ClusterProcesses, options: TrialOptions) {
    this.all = all
    this.#options = options
    this.probes = all.productOfEach('probe')
    this.#products = ['scarce', 'rare', ...all.productOfEach('plenty'), ...all.productOfEach('more')]
    this.witness = new ClusterWitness(all)
    this.shop = this.#newShop()
  }

  /** With stock, and no load yet. */
  static async start(options: TrialOptions = {}): Promise<ClusterTrial> {
    const all = await ClusterProcesses.start(options)
    const trial = new ClusterTrial(all, options)
    try {
      for (const id of [...trial.#products, ...trial.probes])
        await trial.#deliver(id, ['scarce', 'rare'].includes(id) ? SCARCE_UNITS : PLENTY)
    } catch (error) {
      await trial.close()
      throw error
    }
    return trial
  }

  /** From now on a balancer names only these, or again all that are awake. */
  serveBy(nodes: readonly AppNode[] | undefined): void {
    this.#served = nodes
  }

  load(): void {
    this.#loads += 1
    const { seed = 1, buyers = BUYERS } = this.#options
    this.shop = this.#newShop()
    this.#load = new LoadClient(this.shop, this.ledger, {
      products: this.#products,
      seed: seed * 1_000 + this.#loads,
      connections: buyers,
      severalShare: 0.3,
      keyedShare: 1,
      customers: 50,
      turnedAwayMs: TURNED_AWAY_MS,
    })
  }

  /** One unit, asked of this very node; under a key, which its own shard keeps too. */
  async reserveAt(node: AppNode, productId: string, { isKeyed = true } = {}): Promise<CallOutcome> {
    const asked = this.ledger.reserveSeveral([{ productId, quantity: 1 }], { isKeyed })
    const shop = new ClusterShop({ nodes: () => [node], connections: 1, patienceMs: PATIENCE_MS })
    const request = { body: { items: asked.lines, reference: asked.tag }, idempotencyKey: asked.key }
    const outcome = await shop.callOnce(['POST', '/v1/reservations'], request)
    shop.close()
    this.ledger.answeredReserve(asked, outcome)
    return outcome
  }

  /** Milliseconds until each shard has sold something that was asked for from now on. */
  async sellsAgain(): Promise<number> {
    const shop = this.#newShop()
    const { ledger, probes: products } = this
    const took = await sellAgain({ shop, ledger, products }).finally(() => shop.close())
    return Math.max(...took)
  }

  /** Ends the load, resolves what is in doubt, and holds the journal against what everybody was told. */
  async judge(): Promise<Verdict> {
    await this.#load?.stop()
    this.#load = undefined
    await this.#resolve()
    return await this.witness.judge(this.ledger)
  }

  /** The same, and every node answers what the journal says. */
  async judgeAnswers(): Promise<void> {
    const verdict = await this.judge()
    for (const { server } of this.all.awake) await untilSaid(() => expectSameAnswers(server, verdict))
  }

  /** All nodes end in order, and the witness judges what they leave behind. */
  async end(): Promise<Verdict> {
    const before = await this.judge()
    const exits = await Promise.all(this.all.awake.map((node) => node.stop()))
    for (const { code } of exits) assert.is(code, 0)
    const verdict = await this.witness.judge(this.ledger)
    assert.ok(verdict.journal.events.size >= before.journal.events.size)
    return verdict
  }

  async close(): Promise<void> {
    if (this.#load !== undefined) {
      this.shop.hasExited = true
      await this.#load.ended()
    }
    this.shop.close()
    await this.witness.close()
    await this.all.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #newShop(): ClusterShop {
    const { buyers = BUYERS } = this.#options
    const shop = new ClusterShop({ nodes: () => this.#served ?? this.all.awake, connections: buyers })
    const call = shop.call.bind(shop)
    shop.call = async (target, request) => {
      await pause(BETWEEN_CALLS_MS)
      return await call(target, request)
    }
    return shop
  }

  /** Under a key, until somebody says that it has come. */
  async #deliver(productId: string, delta: number): Promise<void> {
    const { ledger, shop } = this
    const asked = ledger.adjust(productId, delta)
    const request = { body: { delta, reason: asked.tag }, idempotencyKey: `key-${asked.tag}` }
    const givenUpMs = performance.now() + SETTLED_WITHIN_MS
    for (;;) {
      const outcome = await shop.call(['POST', `/v1/products/${productId}/stock/adjustments`], request)
      ledger.answeredAdjustment(asked, outcome)
      if (asked.known === 'acknowledged') return
      if (performance.now() > givenUpMs) throw new Error(`the delivery failed: ${JSON.stringify(outcome)}`)
    }
  }

  /** What nobody answered is asked again under its key until somebody does. */
  async #resolve(): Promise<void> {
    const givenUpMs = performance.now() + SETTLED_WITHIN_MS
    const shop = this.#newShop()
    try {
      for (;;) {
        const doubtful = this.ledger.doubtful()
        if (doubtful.length === 0) return
        if (performance.now() > givenUpMs) {
          throw new Error(
            `${doubtful.length} outcomes cannot be resolved: ${shop.whys.slice(-3).join('; ')}\n${this.all.said()}`,
          )
        }
        const load = new LoadClient(shop, this.ledger, {
          products: this.#products,
          seed: 1,
          connections: Math.min(doubtful.length, BUYERS),
          reserveShare: 0,
          keyedShare: 1,
        })
        await pause(LOOK_MS)
        await load.stop()
      }
    } finally {
      shop.close()
    }
  }
}

/** Whoever is told that a shard is away for a moment asks again; any other answer counts. */
async function untilSaid(ask: () => Promise<void>): Promise<void> {
  const givenUpMs = performance.now() + SETTLED_WITHIN_MS
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      const isAway = /^Error: \d+ faults:(\n {2}503: .*)+$/.test(String(error))
      if (!isAway || performance.now() > givenUpMs) throw error
      await pause(LOOK_MS)
    }
  }
}
