/** The settings of what leaves the shop: e-mail, and webhooks to subscribers. */
import { flag, text } from '../setting.ts'
import type { SettingsReader } from './secret.ts'

export type MailConfig = {
  readonly from: string
  /** Absent: each message becomes a file in the data directory. */
  readonly smtpUrl: string | undefined
}

export type OutgoingConfig = {
  readonly mail: MailConfig
  /** Where subscribers' URLs may lead. */
  readonly webhooks: { readonly allowsHttp: boolean; readonly allowsPrivate: boolean }
}

export const outgoingSettings = {
  smtpUrl: {
    ...text('SMTP_URL', /^smtps?:\/\/[\x21-\x7e]{1,2000}$/, undefined, {
      expected: 'smtp://user:password@host:587, or smtps://…:465',
      meaning: 'Mail server through which messages to customers go',
      example: 'smtps://user:password@mail.example.com:465',
      fallbackText: 'none: each message is a file in `DATA_DIR/mail`',
    }),
    secret: true,
  },
  smtpUrlFile: text('SMTP_URL_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/smtp_url',
    fallbackText: 'none',
  }),
  mailFrom: text('MAIL_FROM', /^[^\p{Cc}\p{Cs}]{3,200}$/u, 'Holdfast <shop@localhost>', {
    expected: 'an address, or a name and an address in angle brackets',
    meaning: 'Sender of messages to customers',
    example: '"The Shop <orders@example.com>"',
  }),
  webhooksAllowHttp: flag('WEBHOOKS_ALLOW_HTTP', {
    meaning: 'Let subscribers’ URLs be `http://`, which anybody on the way can read',
    example: 'true',
  }),
  webhooksAllowPrivate: flag('WEBHOOKS_ALLOW_PRIVATE_NETWORKS', {
    meaning:
      'Let subscribers be in your own network, this machine included: for development, where nobody else can make webhooks',
    example: 'true',
  }),
}

export function readOutgoing({ take, secret, report }: SettingsReader): OutgoingConfig {
  const { smtpUrl: value, smtpUrlFile: file } = outgoingSettings
  const smtp = secret({ value, file })
  if (smtp.type === 'given' && !value.schema.safeParse(smtp.text).success) {
    report(smtp.source, `${smtp.text.length} characters, not shown`, value.expected)
  }
  return {
    mail: {
      from: take(outgoingSettings.mailFrom),
      smtpUrl: smtp.type === 'given' ? smtp.text : undefined,
    },
    webhooks: {
      allowsHttp: take(outgoingSettings.webhooksAllowHttp),
      allowsPrivate: take(outgoingSettings.webhooksAllowPrivate),
    },
  }
}
