/** Each message becomes a file of its own, as a mail server would have been given it (RFC 5322). */
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { assert } from '../../domain/assert.ts'
import type { Mailer, MailResult, Message } from './mailer.ts'
import { formOf } from './message-form.ts'

const SAFE_NAME = /^[A-Za-z0-9._-]{1,128}$/

export class FileMailer implements Mailer {
  readonly #directory: string
  readonly #transport = createTransport({ streamTransport: true, buffer: true, newline: 'unix' })

  constructor(directory: string) {
    this.#directory = directory
  }

  /** A message that is sent again takes the place of the first. */
  async send(message: Message): Promise<MailResult> {
    const name = message.messageId.slice(0, message.messageId.indexOf('@'))
    assert(SAFE_NAME.test(name), 'a message id of ours names a file')
    const { message: bytes } = await this.#transport.sendMail(formOf(message))
    assert(Buffer.isBuffer(bytes), 'the transport was asked for a buffer')
    try {
      await this.#write(`${name}.eml`, bytes)
      return { type: 'sent' }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      return { type: 'failed', trouble: String(error.code), isFinal: false }
    }
  }

  close(): void {
    this.#transport.close()
  }

  /** Customers' addresses are nobody's business but the shop's: only its own user can read them. */
  async #write(name: string, bytes: Buffer): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const path = join(this.#directory, name)
    const file = await open(`${path}.part`, 'w', 0o600)
    try {
      // Not synced: no reservation's sync shall wait for a letter's. A power cut may take the last ones.
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
    await rename(`${path}.part`, path)
  }
}
