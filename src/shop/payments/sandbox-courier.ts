/**
 * Carries the sandbox's webhooks to the shop, as a provider's servers would from far away: lets time do to charges what it
 * does, then posts what is due until it is received. It keeps nothing of its own; another one can take over at any moment.
 */
import type { Tables } from '../../persistence/tables/operations.ts'
import { settlementsMax } from '../../persistence/tables/sandbox/charge-operations.ts'
import type { SandboxDelays } from '../../persistence/tables/sandbox/scenario.ts'
import type { SandboxWebhook } from '../../persistence/tables/sandbox/webhook-operations.ts'
import type { Clock, Timers } from '../../seams.ts'
import { Ticker } from '../ticker.ts'
import { signatureHeader, signatureOf } from './sandbox-signature.ts'

export type SandboxPost = {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export type SandboxCourierParts = {
  readonly tables: Tables
  readonly clock: Clock
  readonly timers: Timers
  readonly delays: SandboxDelays
  /** Brings it to the shop's own webhook route; says whether it was received (any 2xx). Rejects where nobody was reached. */
  readonly post: (post: SandboxPost) => Promise<{ readonly isReceived: boolean }>
  /** Hears what went wrong with the courier's own work, not with what it carries. */
  readonly onTrouble: (error: unknown) => void
}

const tickMs = 250
/** At a time: what does not hold up the shop's own requests. */
const postsMax = 32
/** Of a round, those that say again what a call was answered: in a rush they are many, and nobody waits for them. */
const knownPostsMax = 16

export class SandboxCourier {
  readonly #parts: SandboxCourierParts
  readonly #ticker: Ticker

  constructor(parts: SandboxCourierParts) {
    this.#parts = parts
    const { timers, onTrouble } = parts
    const tick = async () => (await this.tick()) === postsMax
    this.#ticker = new Ticker({ timers, tickMs, tick, onTrouble })
  }

  start(): void {
    this.#ticker.start()
  }

  /** What is under way is finished; nothing new begins. */
  stop(): void {
    this.#ticker.stop()
  }

  /** One round: all that is due. Says how many webhooks were posted. Rejects with `TablesError` only. */
  async tick(): Promise<number> {
    const { tables, delays } = this.#parts
    while ((await tables.write('sandbox.settleCharges', { delays })).settled === settlementsMax);
    while ((await tables.write('sandbox.settleRefunds', {})).settled === settlementsMax);
    const { webhooks } = await tables.write('sandbox.takeWebhooks', {
      most: postsMax,
      mostKnown: knownPostsMax,
    })
    if (webhooks.length === 0) return 0
    const { secret } = await tables.write('sandbox.secret', {})
    await Promise.all(webhooks.map((webhook) => this.#carry(webhook, secret)))
    return webhooks.length
  }

  async #carry({ eventId, copy, body }: SandboxWebhook, secret: string): Promise<void> {
    const { tables, clock, post } = this.#parts
    const headers = {
      'content-type': 'application/json',
      [signatureHeader]: signatureOf(body, secret, clock.wallMs()),
    }
    const { isReceived } = await post({ body, headers }).catch(notReached)
    if (isReceived) await tables.write('sandbox.webhookReceived', { eventId, copy })
  }
}

/** It is due again by itself. */
function notReached(): { readonly isReceived: boolean } {
  return { isReceived: false }
}
