/** Messages through a mail server. */
import { createTransport } from 'nodemailer'
import type { Mailer, MailResult, Message } from './mailer.ts'
import { formOf } from './message-form.ts'

const timeoutMs = 30_000
const connectionsMax = 2
/** Replies from here on are final (RFC 5321, 4.2.1). */
const PERMANENT_MIN = 500
const troubleLengthMax = 64
/** Nodemailer's words for an address and a text that were not taken. A server that refuses the password refuses everybody. */
const ADDRESS_REFUSED = 'EENVELOPE'
const TEXT_REFUSED = 'EMESSAGE'

export class SmtpMailer implements Mailer {
  readonly #transport

  /** `smtp://` takes the connection to TLS where the server offers it; `smtps://` begins with TLS. */
  constructor(url: string) {
    this.#transport = createTransport({
      url,
      pool: true,
      maxConnections: connectionsMax,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
    })
  }

  async send(message: Message): Promise<MailResult> {
    try {
      await this.#transport.sendMail(formOf(message))
      return { type: 'sent' }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      const status = 'responseCode' in error ? Number(error.responseCode) : undefined
      return resultOf(String(error.code).slice(0, troubleLengthMax), status)
    }
  }

  close(): void {
    this.#transport.close()
  }
}

/** From the codes alone: what a server says in words may repeat the address. */
function resultOf(code: string, status: number | undefined): MailResult {
  const isRefused = code === ADDRESS_REFUSED || code === TEXT_REFUSED
  // Without a reply the address was such that no server was asked.
  const isFinal = isRefused && (status === undefined || status >= PERMANENT_MIN)
  return { type: 'failed', trouble: status === undefined ? code : `${code} ${status}`, isFinal }
}
