/** Hands messages over: to a mail server, or to a directory for whoever reads it. */
import type { Addressee } from './letters.ts'

export type Message = {
  /** The same whenever the message is sent again, without the angle brackets. */
  readonly messageId: string
  readonly from: string
  readonly to: Addressee
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly atMs: number
}

export type MailResult =
  | { readonly type: 'sent' }
  /** `isFinal` where the same message would be refused again. The trouble is a code, and says nothing of anybody. */
  | { readonly type: 'failed'; readonly trouble: string; readonly isFinal: boolean }

/** Never rejects for what a mail server or a disk does. */
export type Mailer = {
  send(message: Message): Promise<MailResult>
  close(): void
}
