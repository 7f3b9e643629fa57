/** The mailer that the settings name. */
import type { MailConfig } from '../../config/outgoing-settings.ts'
import { FileMailer } from './file-mailer.ts'
import type { Mailer } from './mailer.ts'
import { SmtpMailer } from './smtp-mailer.ts'

/** Without a mail server messages are files in the directory, which is made with the first. */
export function openMailer({ smtpUrl }: MailConfig, directory: string): Mailer {
  return smtpUrl === undefined ? new FileMailer(directory) : new SmtpMailer(smtpUrl)
}
