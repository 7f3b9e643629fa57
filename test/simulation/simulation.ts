/**
 * The whole engine in one thread that owns time, disk, chance and the messages between threads: buyers buy through the
 * HTTP app, faults strike, and the oracle of FAULTS.md looks at what is left.
 *
 * A step is one call that the scheduler makes (a turn of a thread, a timer, a sync that returns) or one call to the disk.
 * All chance comes from the seed, so a seed is a run, and the same seed is the same run.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Verdict } from '../support/journal-oracle.ts'
import type { JournalView } from '../support/journal-reader.ts'
import { LoadClient, randomFrom } from '../support/load-client.ts'
import { RequestLedger } from '../support/request-ledger.ts'
import { BoardWitness } from './board-witness.ts'
import {
  endsProcess,
  type FaultName,
  fates,
  type Random,
  stormMs,
  strike,
  swarmOf,
  usualDisk,
} from './faults.ts'
import { expectSettled, judgeDisk } from './judgement.ts'
import type { Plant } from './planted.ts'
import { type Process, SimulatedMachine } from './simulated-machine.ts'

export type SimulationOptions = {
  readonly seed: number
  readonly steps: number
  /** Faults that stay off although the seed switched them on. */
  readonly without?: readonly FaultName[]
  /** Done to the machine after each start; for the test that shows that the oracle sees it. */
  readonly plant?: Plant
}

export type SimulationReport = {
  readonly steps: number
  /** Of all that happened: the same seed gives the same. */
  readonly hash: string
  readonly faults: ReadonlyMap<FaultName, number>
  readonly deaths: number
  readonly acknowledged: number
  readonly judged: number
}

/** One seed broke a promise; says how to see it again. */
export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed'
  readonly options: SimulationOptions

  constructor(options: SimulationOptions, cause: unknown) {
    super(
      `${commandOf(options)}\n${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      {
        cause,
      },
    )
    this.options = options
  }
}

export function commandOf({ seed, steps, without = [] }: SimulationOptions): string {
  const left = without.length === 0 ? '' : ` --without ${without.join(',')}`
  return `npm run simulate -- --seed ${seed} --steps ${steps}${left}`
}

/** Runs one seed. Throws `SimulationFailed`. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  try {
    return await new Simulation(options).run()
  } catch (error) {
    throw new SimulationFailed(options, error)
  }
}

/** Steps between two chances of each fault, and between two looks at what a loss of power would leave. */
const ROUND = 50
const LOOK_EVERY = 5_000
const WORKERS_MAX = 3
const plenty = Array.from({ length: 6 }, (_, i) => `product-${i}`)
const scarce = 'scarce'
const limited = 'limited'
const WAITERS = 4
/** After all faults are over: how long anything may still take. */
const PATIENCE_MS = 60_000
/** Starts that a broken disk may spoil before it is mended. */
const STARTS_MAX = 3
const QUIET_MS = 20_000

class Simulation {
  readonly #options: SimulationOptions
  readonly #random: Random
  readonly #machine: SimulatedMachine
  readonly #swarm: ReadonlyMap<FaultName, number>
  readonly #ledger = new RequestLedger()
  /** Bytes behind each reference, the same in a run: a request that comes again is the same request. */
  readonly #padding: number
  readonly #hash: Hash = createHash('sha1')
  readonly #faults = new Map<FaultName, number>()
  readonly #boards = new BoardWitness()
  #load: LoadClient | undefined
  #earlier: JournalView | undefined
  #deaths = 0
  #judged = 0
  #lookedAt = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = randomFrom(options.seed)
    this.#machine = new SimulatedMachine(this.#random)
    this.#padding = this.#random() < 0.5 ? 100 : 0
    this.#swarm = swarmOf(this.#random, options.without ?? [])
  }

  async run(): Promise<SimulationReport> {
    await this.#open()
    while (this.#machine.steps < this.#options.steps) {
      await this.#steps(ROUND)
      for (const [name, rate] of this.#swarm) if (this.#random() < rate / 4) await this.#strike(name)
      if (this.#machine.steps - this.#lookedAt > LOOK_EVERY) this.#look()
    }
    await this.#heal()
    this.#hash.update(`${this.#machine.steps} ${this.#ledger.acknowledgedCount()}`)
    return {
      steps: this.#machine.steps,
      hash: this.#hash.digest('hex'),
      faults: this.#faults,
      deaths: this.#deaths,
      acknowledged: this.#ledger.acknowledgedCount(),
      judged: this.#judged,
    }
  }

  /** Stock, a sale with a limit, and the buyers. */
  async #open(): Promise<void> {
    const process = await this.#up()
    for (const [productId, delta] of [
      [scarce, 40],
      [limited, 10_000],
      ...plenty.map((id) => [id, 10_000]),
    ] as const) {
      const asked = this.#ledger.adjust(String(productId), Number(delta))
      const path = `/v1/products/${productId}/stock/adjustments`
      const outcome = await this.#answerOf(
        process.call(['POST', path], { body: { delta, reason: asked.tag } }),
      )
      this.#ledger.answeredAdjustment(asked, outcome)
    }
    const body = { perCustomerLimit: 4, holdTtlSeconds: 600 }
    await this.#answerOf(process.call(['PUT', `/v1/products/${limited}/sale`], { body }))
    this.#buy(process)
  }

  #buy(process: Process): void {
    this.#options.plant?.(this.#machine)
    this.#load = new LoadClient(process, this.#ledger, {
      products: [scarce, limited, ...plenty],
      seed: Math.floor(this.#random() * 2 ** 31),
      connections: 6,
      customers: 8,
      severalShare: 0.4,
      keyedShare: 0.5,
      padding: this.#padding,
    })
    for (let nr = 0; nr < WAITERS; nr++) void this.#wait(process, nr)
  }

  /** Somebody who stands in line for what is scarce, and sometimes goes away again. */
  async #wait(process: Process, nr: number): Promise<void> {
    const path = `/v1/products/${scarce}/waitlist`
    const customerId = `waiter-${nr}`
    while (!process.hasExited && !this.#isOver) {
      if (this.#random() < 0.7)
        await process.call(['POST', path], {
          body: { customerId, quantity: 1 + Math.floor(this.#random() * 2) },
        })
      else await process.call(['DELETE', `${path}/${customerId}`], {})
      await process.pause(500 + this.#random() * 5_000)
    }
  }

  #isOver = false

  async #steps(count: number): Promise<void> {
    const { timers } = this.#machine
    const until = timers.made + count
    while (timers.made < until) {
      if (!(await timers.step()) && !timers.ringNext()) return
      const { process } = this.#machine
      process?.tend()
      if (process !== undefined) this.#boards.look(process.engine)
    }
  }

  async #answerOf<T>(promise: Promise<T>): Promise<T> {
    let answer: { readonly value: T } | undefined
    void promise.then((value) => {
      answer = { value }
    })
    const { clock } = this.#machine.timers
    const untilMs = clock.monotonicMs() + PATIENCE_MS
    for (;;) {
      await this.#steps(1)
      const given = answer as { readonly value: T } | undefined
      if (given !== undefined) return given.value
      if (clock.monotonicMs() > untilMs) throw new Error(`no answer within ${PATIENCE_MS} ms (I11)`)
    }
  }

  async #strike(name: FaultName): Promise<void> {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1)
    this.#hash.update(`${name} at ${this.#machine.timers.made}`)
    if (endsProcess(name)) return this.#endProcess(name)
    if (name === 'expiryStorm') return this.#machine.timers.clock.pass(stormMs)
    strike(name, this.#machine, this.#random)
  }

  async #endProcess(name: FaultName): Promise<void> {
    if (name === 'stop') {
      await this.#machine.process?.stop()
      await this.#steps(ROUND)
    }
    this.#deaths += 1
    this.#machine.crash(name === 'powerLoss' ? fates(this.#random) : undefined)
    await this.#load?.ended()
    this.#judge()
    const process = await this.#up()
    this.#buy(process)
  }

  /** A process that runs; a disk that lets none start is mended after some tries. */
  async #up(): Promise<Process> {
    usualDisk(this.#machine, this.#random)
    const workers = 1 + Math.floor(this.#random() * WORKERS_MAX)
    for (let tries = 0; ; tries++) {
      if (tries >= STARTS_MAX) this.#machine.disk.heal()
      if ((await this.#machine.start(workers)) && this.#machine.process !== undefined)
        return this.#machine.process
      if (tries > STARTS_MAX) throw new Error('the process does not start on a disk that works (I11)')
    }
  }

  /** What would be there if the power went now, and nothing unsynced survived: all that was acknowledged. */
  #look(): void {
    this.#lookedAt = this.#machine.steps
    this.#boards.judge(judgeDisk(this.#machine.disk.afterPowerLoss(), this.#ledger))
    this.#judged += 1
  }

  #judge(): Verdict {
    const verdict = judgeDisk(this.#machine.disk.copy(), this.#ledger, this.#earlier)
    for (const [shard, state] of verdict.journal.states) this.#hash.update(`${shard}`).update(state)
    this.#boards.judge(verdict)
    this.#earlier = verdict.journal
    this.#judged += 1
    return verdict
  }

  /** All faults are over: everybody is answered, new reservations succeed, and shards owe each other nothing (I11). */
  async #heal(): Promise<void> {
    const { disk } = this.#machine
    disk.heal()
    usualDisk(this.#machine, this.#random)
    const process = this.#machine.process ?? (await this.#up())
    for (const lives of process.engine.lives) {
      const wire = lives.at(-1)?.wire
      wire?.there.release()
      wire?.back.release()
    }
    this.#isOver = true
    await this.#answerOf(this.#load?.stop() ?? Promise.resolve())
    await this.#sellsAgain(process)
    await this.#comeToRest(process)
  }

  /** What was decided last before a stop is told at the next start; what is told then, nobody decides anew. */
  async #comeToRest(first: Process): Promise<void> {
    const { timers } = this.#machine
    let process = first
    for (let starts = 0; ; starts++) {
      const untilMs = timers.clock.monotonicMs() + QUIET_MS
      while (timers.nextAtMs < untilMs) await this.#steps(1)
      await process.stop()
      await this.#steps(ROUND)
      this.#boards.look(process.engine)
      this.#machine.crash()
      const verdict = this.#judge()
      // A worker that could not close in order may have left what nobody was shown.
      if (process.engine.lives.every((lives) => lives.at(-1)?.isClosed)) this.#boards.expectEqual(verdict)
      if ([...verdict.books.several.pending()].length === 0) return
      if (starts === STARTS_MAX) return expectSettled(verdict)
      process = await this.#up()
    }
  }

  async #sellsAgain(process: Process): Promise<void> {
    const { clock } = this.#machine.timers
    const untilMs = clock.monotonicMs() + PATIENCE_MS
    for (const productId of plenty) {
      for (;;) {
        const asked = this.#ledger.reserve(productId, 1, 'last')
        const body = { items: [{ productId, quantity: 1 }], customerId: 'last', reference: asked.tag }
        const outcome = await this.#answerOf(process.call(['POST', '/v1/reservations'], { body }))
        this.#ledger.answeredReserve(asked, outcome)
        if (asked.known === 'acknowledged') break
        if (clock.monotonicMs() > untilMs)
          throw new Error(`${productId} does not sell again: ${JSON.stringify(outcome)} (I11)`)
        await this.#answerOf(process.pause(500))
      }
    }
  }
}
