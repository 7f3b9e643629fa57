/** A shop whose tables were restored, and a provider that knows what has been since. */
import { pino } from 'pino'
import type { Restoration } from '../../../src/persistence/tables/restoration/restoration-operations.ts'
import { type Reconciled, reconcile } from '../../../src/shop/restoration/reconcile.ts'
import { type Kill, PHONE, ShopWorld } from '../shop-world.ts'
import { ListedProvider } from './listed-provider.ts'

export const PRICE = 99_999
export const UNITS = 3

export class RestoredWorld {
  readonly world: ShopWorld
  readonly provider = new ListedProvider()
  readonly logged: Record<string, unknown>[] = []
  readonly log = pino(
    { level: 'trace' },
    { write: (line: string) => void this.logged.push(JSON.parse(line)) },
  )

  private constructor(world: ShopWorld) {
    this.world = world
    world.gateway = this.provider
  }

  static async start(): Promise<RestoredWorld> {
    const world = await ShopWorld.start()
    await world.sell(PHONE, PRICE, UNITS)
    return new RestoredWorld(world)
  }

  get nowMs(): number {
    return this.world.engine.timers.clock.wallMs()
  }

  async mark(takesAny = false): Promise<Restoration> {
    const { tables } = this.world
    const times = { tablesAtMs: this.nowMs, journalAtMs: this.nowMs }
    const marked = tables.write('restorations.mark', { cause: 'restored', ...times, takesAny })
    return (await this.world.wait(marked)).restoration
  }

  async open(): Promise<Restoration | undefined> {
    return await this.world.wait(this.world.tables.read('restorations.open', {}))
  }

  /** One round; undefined where the process dies of it. */
  async reconcile(restoration: Restoration, kill?: Kill): Promise<Reconciled | undefined> {
    const parts = { ...this.world.parts(kill), gateway: this.provider, log: this.log }
    const { gateway } = this.world.parts(kill)
    return await this.world.try(reconcile({ ...parts, gateway: gateway ?? this.provider }, restoration))
  }

  async decide(transactionId: string, decision: 'refund' | 'accept'): Promise<void> {
    const asked = { transactionId, decision, by: 'ann', note: undefined }
    const reply = await this.world.wait(this.world.tables.write('unknownPayments.decide', asked))
    if (reply.type === 'refused') throw new Error(reply.reason)
  }

  async stateOf(transactionId: string): Promise<string | undefined> {
    return (await this.world.wait(this.world.tables.read('unknownPayments.find', { transactionId })))?.state
  }

  async stock(): Promise<readonly number[]> {
    const { onHand, held, sold } = await this.world.stockOf(PHONE)
    return [onHand, held, sold]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]()
  }
}
