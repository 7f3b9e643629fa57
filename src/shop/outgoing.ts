/** What leaves the shop by itself: mail to customers, and webhooks to subscribers. For the desk, which starts and stops it. */
import type { OutgoingConfig } from '../config/outgoing-settings.ts'
import type { Logger } from '../log.ts'
import type { Tables } from '../persistence/tables/operations.ts'
import type { Clock, Timers } from '../seams.ts'
import { factsIn } from './notifications/letter-facts.ts'
import { MailCourier } from './notifications/mail-courier.ts'
import type { Mailer } from './notifications/mailer.ts'
import { openMailer } from './notifications/open-mailer.ts'
import { openHttpPost } from './webhooks/http-post.ts'
import { openResolver } from './webhooks/resolver.ts'
import { WebhookCourier } from './webhooks/webhook-courier.ts'

export type OutgoingParts = {
  readonly tables: Tables
  readonly clock: Clock
  readonly timers: Timers
  readonly config: OutgoingConfig
  /** Where messages go that no mail server takes. */
  readonly mailDirectory: string
  readonly log: Logger
}

export class Outgoing {
  readonly #mailer: Mailer
  readonly #mail: MailCourier
  readonly #webhooks: WebhookCourier

  constructor({ tables, clock, timers, config, mailDirectory, log }: OutgoingParts) {
    const { mail, webhooks: policy } = config
    const onTrouble = (error: unknown) => log.error({ err: error }, 'outgoing.trouble')
    this.#mailer = openMailer(mail, mailDirectory)
    this.#mail = new MailCourier({
      tables,
      timers,
      mailer: this.#mailer,
      from: mail.from,
      factsOf: factsIn(tables),
      onUnsent: (eventId, trouble, isGivenUp) => log.warn({ eventId, trouble, isGivenUp }, 'mail.unsent'),
      onTrouble,
    })
    this.#webhooks = new WebhookCourier({
      tables,
      clock,
      timers,
      policy,
      resolve: openResolver(policy),
      post: openHttpPost(timers),
      onDisabled: (webhookId, because) => log.warn({ webhookId, because }, 'webhook.disabled'),
      onTrouble,
    })
  }

  start(): void {
    this.#mail.start()
    this.#webhooks.start()
  }

  /** The outbox has something new. */
  wake(): void {
    this.#mail.wake()
    this.#webhooks.wake()
  }

  /** Nothing new begins. What is under way and not recorded any more goes out again after the next start. */
  stop(): void {
    this.#mail.stop()
    this.#webhooks.stop()
    this.#mailer.close()
  }
}
