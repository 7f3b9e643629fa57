/**
 * Tells customers what happened to their orders: makes messages of the outbox's events and hands them over. It keeps nothing
 * of its own. A message goes out at least once; twice where somebody dies between the sending and its record, and then under
 * the same message id, by which mail servers and readers know it.
 */

import type { MailEvent, MailJob, MailTry } from '../../persistence/tables/mail/mail-operations.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Timers } from '../../seams.ts'
import { Ticker } from '../ticker.ts'
import { htmlOf, textOf } from './letter.ts'
import { type LetterFacts, letterOn } from './letters.ts'
import type { Mailer } from './mailer.ts'

export type MailCourierParts = {
  readonly tables: Tables
  readonly timers: Timers
  readonly mailer: Mailer
  /** `The Shop <orders@example.com>`, or an address alone. */
  readonly from: string
  /** Whom to tell, and of what; undefined where there is nobody. */
  readonly factsOf: (event: MailEvent) => Promise<LetterFacts | undefined>
  /** A message that could not be sent, this time or ever. */
  readonly onUnsent: (eventId: number, trouble: string, isGivenUp: boolean) => void
  /** Hears what went wrong with the courier's own work, not with what it carries. */
  readonly onTrouble: (error: unknown) => void
}

const tickMs = 1_000
const messagesPerTurn = 8

export class MailCourier {
  readonly #parts: MailCourierParts
  readonly #ticker: Ticker

  constructor(parts: MailCourierParts) {
    this.#parts = parts
    const { timers, onTrouble } = parts
    const tick = async () => (await this.tick()) === messagesPerTurn
    this.#ticker = new Ticker({ timers, tickMs, tick, onTrouble })
  }

  start(): void {
    this.#ticker.start()
  }

  /** What is under way is finished; nothing new begins. */
  stop(): void {
    this.#ticker.stop()
  }

  /** Something happened: there may be something to tell. */
  wake(): void {
    this.#ticker.wake()
  }

  /** One round: says how many messages it looked at. */
  async tick(): Promise<number> {
    const { tables } = this.#parts
    while ((await tables.write('mail.plan', {})).events > 0);
    const { jobs } = await tables.write('mail.take', { most: messagesPerTurn })
    await Promise.all(jobs.map((job) => this.#carry(job)))
    return jobs.length
  }

  async #carry({ event, tries }: MailJob): Promise<void> {
    const result = await this.#try(event)
    const { isGivenUp } = await this.#parts.tables.write('mail.record', { eventId: event.id, tries, result })
    if (result.type === 'failed') this.#parts.onUnsent(event.id, result.trouble, isGivenUp)
  }

  async #try(event: MailEvent): Promise<MailTry['result']> {
    const { factsOf, mailer, from } = this.#parts
    const facts = await factsOf(event)
    const letter = facts === undefined ? undefined : letterOn(event, facts, shopOf(from))
    if (facts === undefined || letter === undefined) return { type: 'moot' }
    const messageId = `evt_${event.id}@${domainOf(from)}`
    const { subject } = letter
    const body = { subject, text: textOf(letter), html: htmlOf(letter) }
    return mailer.send({ messageId, from, to: facts.to, ...body, atMs: event.atMs })
  }
}

/** The name before the address, or the address's domain. */
export function shopOf(from: string): string {
  const name = from.replace(/<[^<>]*>\s*$/, '').trim()
  return name !== '' && name !== from.trim() ? name.replace(/^"|"$/g, '') : domainOf(from)
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'
}
