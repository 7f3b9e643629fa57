/** Subscribers, a courier and the tables, by a clock that a test moves; what subscribers answer a test says. */
import { enqueue, type OutboxEvent, type OutboxEventType } from '../../../src/persistence/tables/outbox.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import type { Delivery } from '../../../src/persistence/tables/webhooks/delivery-operations.ts'
import type { DestinationPolicy } from '../../../src/shop/webhooks/destination.ts'
import type { Post, PostAnswer } from '../../../src/shop/webhooks/http-post.ts'
import { WebhookCourier } from '../../../src/shop/webhooks/webhook-courier.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { passTime } from '../../support/pass-time.ts'

export const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z')
export const URL_A = 'https://a.example/hooks'

export class WebhookWorld {
  readonly timers = new ManualTimers(new ManualClock(NOW_MS))
  readonly tables = new InProcessTables(this.timers.clock)
  readonly posts: Post[] = []
  readonly disabled: string[] = []
  readonly troubles: unknown[] = []
  policy: DestinationPolicy = { allowsHttp: false, allowsPrivate: false }
  addresses: readonly string[] = ['1.1.1.1']
  answer: (post: Post) => PostAnswer | Promise<PostAnswer> = () => answered(200)
  courier = this.newCourier()

  newCourier(): WebhookCourier {
    const { tables, timers } = this
    return new WebhookCourier({
      tables,
      clock: timers.clock,
      timers: timers.session(),
      policy: this.policy,
      resolve: async () => this.addresses,
      post: async (post) => {
        this.posts.push(post)
        return this.answer(post)
      },
      onDisabled: (webhookId, because) => void this.disabled.push(`${webhookId} ${because}`),
      onTrouble: (error) => void this.troubles.push(error),
    })
  }

  async subscribe(
    url = URL_A,
    eventTypes: readonly OutboxEventType[] = ['order.confirmed', 'order.shipped'],
  ): Promise<{ readonly id: string; readonly secret: string }> {
    const webhook = { url, eventTypes, description: '', createdBy: 'key_admin' }
    const reply = await this.tables.write('webhooks.create', webhook)
    if (reply.type === 'refused') throw new Error(reply.reason)
    return { id: reply.webhook.id, secret: reply.secret }
  }

  /** As whatever changes an order does it. */
  happens(type: OutboxEventType, subjectId = 'ord_1', payload: OutboxEvent['payload'] = {}): number {
    const moment = { nowMs: this.timers.clock.wallMs(), notify: () => {} }
    return new SqliteSession(this.tables.database).run(enqueue({ type, subjectId, payload }, moment))
  }

  pass(ms: number, stepMs?: number): Promise<void> {
    return passTime(this.timers, ms, stepMs)
  }

  async deliveries(webhookId: string): Promise<readonly Delivery[]> {
    return (await this.tables.read('webhooks.deliveries', { webhookId, limit: 100 })) ?? []
  }

  close(): void {
    this.courier.stop()
    this.tables.close()
  }
}

export function answered(status: number, retryAfter?: string): PostAnswer {
  return { type: 'answered', status, retryAfter }
}
