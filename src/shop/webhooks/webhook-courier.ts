/**
 * Carries what happened to its subscribers: makes deliveries of the outbox's events, and posts what is due. It keeps nothing
 * that is not in the tables but how many posts are under way, so that whoever takes over goes on where it stopped. A delivery
 * goes out at least once; twice where somebody dies between the post and its record, and then under the same id.
 */
import type { Tables } from '../../persistence/tables/operations.ts'
import type { DeliveryJob } from '../../persistence/tables/webhooks/delivery-operations.ts'
import type { DisabledReason } from '../../persistence/tables/webhooks/subscriber-operations.ts'
import type { Clock, Timers } from '../../seams.ts'
import { Ticker } from '../ticker.ts'
import { troubleOf, type Verdict, verdictOn } from './delivery-verdict.ts'
import { type DestinationPolicy, type Resolve, resolveDestination } from './destination.ts'
import type { HttpPost } from './http-post.ts'
import { signedHeaders } from './webhook-signature.ts'

export type WebhookCourierParts = {
  readonly tables: Tables
  readonly clock: Clock
  readonly timers: Timers
  readonly policy: DestinationPolicy
  readonly resolve: Resolve
  readonly post: HttpPost
  readonly onDisabled: (webhookId: string, because: DisabledReason) => void
  /** Hears what went wrong with the courier's own work, not with what it carries. */
  readonly onTrouble: (error: unknown) => void
}

const tickMs = 1_000
const postsMax = 64
/** Of one subscriber: two that answer nothing leave room for all others. */
const postsPerWebhookMax = 4
const timeoutMs = 15_000

export class WebhookCourier {
  readonly #parts: WebhookCourierParts
  readonly #ticker: Ticker
  readonly #underWay = new Map<string, number>()
  #underWayCount = 0

  constructor(parts: WebhookCourierParts) {
    this.#parts = parts
    const { timers, onTrouble } = parts
    // What was begun calls again when it ends.
    const tick = () => this.tick().then(() => false)
    this.#ticker = new Ticker({ timers, tickMs, tick, onTrouble })
  }

  start(): void {
    this.#ticker.start()
  }

  /** What is under way may still be recorded; nothing new begins. */
  stop(): void {
    this.#ticker.stop()
  }

  /** Something happened: there may be work sooner than the next tick. */
  wake(): void {
    this.#ticker.wake()
  }

  /** One round: says how many posts it began, which go on. Rejects with `TablesError` only. */
  async tick(): Promise<number> {
    const { tables, onDisabled } = this.#parts
    for (;;) {
      const { events, disabled } = await tables.write('webhooks.fanOut', {})
      for (const { webhookId, because } of disabled) onDisabled(webhookId, because)
      if (events === 0) break
    }
    const most = postsMax - this.#underWayCount
    if (most <= 0) return 0
    const underWay = Object.fromEntries(this.#underWay)
    const { jobs } = await tables.write('webhooks.take', {
      most,
      mostPerWebhook: postsPerWebhookMax,
      underWay,
    })
    for (const job of jobs) void this.#carry(job)
    return jobs.length
  }

  /** Never rejects. */
  async #carry(job: DeliveryJob): Promise<void> {
    this.#count(job.webhookId, 1)
    try {
      const result = await this.#try(job)
      const { id, tries } = job
      const { disabled } = await this.#parts.tables.write('webhooks.record', { id, tries, result })
      if (disabled !== undefined) this.#parts.onDisabled(job.webhookId, disabled)
    } catch (error) {
      // Unrecorded it is due again when its lease ends.
      this.#ticker.trouble(error)
    } finally {
      this.#count(job.webhookId, -1)
      this.#ticker.wake()
    }
  }

  async #try({ url, secret, eventId, body }: DeliveryJob): Promise<Verdict> {
    const { clock, policy, resolve, post } = this.#parts
    const resolved = await resolveDestination(url, policy, resolve)
    if (resolved.type === 'refused') return { type: 'failed', trouble: troubleOf(resolved.why) }
    const headers = signedHeaders({ id: eventId, body, atMs: clock.wallMs() }, secret)
    const answer = await post({ destination: resolved.destination, headers, body, timeoutMs })
    return verdictOn(answer, clock.wallMs())
  }

  #count(webhookId: string, by: 1 | -1): void {
    this.#underWayCount += by
    const count = (this.#underWay.get(webhookId) ?? 0) + by
    if (count === 0) this.#underWay.delete(webhookId)
    else this.#underWay.set(webhookId, count)
  }
}
