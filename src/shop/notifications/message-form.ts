/** A message as nodemailer takes it. */
import type Mail from 'nodemailer/lib/mailer/index.js'
import type { Message } from './mailer.ts'

/** Names and subjects stand in fields of their own, where nodemailer encodes them: no line break becomes another header. */
export function formOf({ messageId, from, to, subject, text, html, atMs }: Message): Mail.Options {
  return {
    messageId: `<${messageId}>`,
    from,
    to: { name: to.name, address: to.email },
    subject,
    text,
    html,
    date: new Date(atMs),
    // Nothing in a message is to be read from files or fetched, whatever it says.
    disableFileAccess: true,
    disableUrlAccess: true,
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}
