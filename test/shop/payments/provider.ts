/** The sandbox as those who run it could, or as it must not: its books and its post, for a test to take and to change. */
import type { ShopWorld } from '../shop-world.ts'
import { DELAYS } from '../shop-world.ts'
import type { Letter } from './postbag.ts'

export type Told = {
  readonly key: string
  readonly transactionId: string
  readonly amountMinor: number
  readonly currency: string
  readonly status: 'succeeded' | 'failed'
}

const ALL = 1_000_000

export class Provider {
  readonly #world: ShopWorld
  readonly #otherwise = new Map<string, Told>()
  #drawn = 0

  constructor(world: ShopWorld) {
    this.#world = world
  }

  async secret(): Promise<string> {
    return (await this.#world.wait(this.#world.tables.write('sandbox.secret', {}))).secret
  }

  /** Lets time do to charges what it does, and takes all that is to be posted. */
  async takeLetters(): Promise<readonly Letter[]> {
    const { tables } = this.#world
    const work = async () => {
      while ((await tables.write('sandbox.settleCharges', { delays: DELAYS })).settled > 0);
      while ((await tables.write('sandbox.settleRefunds', {})).settled > 0);
      const { webhooks } = await tables.write('sandbox.takeWebhooks', { most: ALL, mostKnown: ALL })
      const received = webhooks.map(({ eventId, copy }) =>
        tables.write('sandbox.webhookReceived', { eventId, copy }),
      )
      await Promise.all(received)
      return webhooks
    }
    return await this.#world.wait(work())
  }

  /** A charge that had failed is captured after all: what no provider should do, and some have done. */
  captureAfterAll(pick: (several: readonly string[]) => string): Letter | undefined {
    const { database } = this.#world
    const failed = database
      .prepare<[], { readonly key: string }>(
        `SELECT key FROM sandbox_charges WHERE status = 'failed' ORDER BY created_at_ms DESC, key LIMIT 200`,
      )
      .all()
    if (failed.length === 0) return undefined
    const key = pick(failed.map((each) => each.key))
    database.prepare(`UPDATE sandbox_charges SET status = 'succeeded', reason = NULL WHERE key = ?`).run(key)
    const charge = database
      .prepare<[string], Told>(
        `SELECT key, transaction_id AS "transactionId", amount_minor AS "amountMinor", currency, status
           FROM sandbox_charges WHERE key = ?`,
      )
      .get(key) as Told
    return { ...this.#letter('charge.succeeded', charge), isAllThereIs: true }
  }

  /** It captured something else than it was asked for, and tells so. */
  captureOtherwise(letter: Letter, change: Partial<Pick<Told, 'amountMinor' | 'currency'>>): Letter {
    const { data } = JSON.parse(letter.body) as { readonly data: Told }
    const told = { ...data, ...change }
    this.hasCaptured(told)
    this.#otherwise.set(data.key, told)
    return this.asCaptured(letter)
  }

  /** Another copy of a letter tells the same. */
  asCaptured(letter: Letter): Letter {
    const { type, data, ...rest } = JSON.parse(letter.body) as { readonly type: string; readonly data: Told }
    const told = this.#otherwise.get(data.key)
    if (told === undefined || type !== 'charge.succeeded') return letter
    return { ...letter, body: JSON.stringify({ ...rest, type, data: told }) }
  }

  /** By its books, whatever it was asked for. */
  hasCaptured({ key, amountMinor, currency }: Pick<Told, 'key' | 'amountMinor' | 'currency'>): void {
    this.#world.database
      .prepare('UPDATE sandbox_charges SET amount_minor = ?, currency = ? WHERE key = ?')
      .run(amountMinor, currency, key)
  }

  /** A capture that was paid and heard of is told anew, as of another amount. Nothing in its books says so. */
  contradict(letter: Letter): Letter {
    const { data } = JSON.parse(letter.body) as { readonly data: Told }
    return this.#letter('charge.succeeded', { ...data, amountMinor: data.amountMinor + 1 })
  }

  #letter(type: string, data: Told): Letter {
    this.#drawn += 1
    const eventId = `evt_made${this.#drawn}`
    return { eventId, body: JSON.stringify({ id: eventId, createdAtMs: 0, type, data }) }
  }
}
