/** The settings of who moves the money. */
import { choice, text, whole } from '../setting.ts'
import type { SecretSetting, SettingsReader } from './secret.ts'

export type PaymentConfig =
  /** Cash on delivery only. */
  | { readonly gateway: 'none' }
  | { readonly gateway: 'sandbox'; readonly delays: { readonly shortMs: number; readonly longMs: number } }
  | {
      readonly gateway: 'stripe'
      readonly secretKey: string
      readonly webhookSecret: string
      readonly timeoutMs: number
    }

const PATH = /^[^\0]{1,4000}$/
const daySeconds = 86_400

export const paymentSettings = {
  paymentGateway: choice('PAYMENT_GATEWAY', ['sandbox', 'stripe', 'none'], 'sandbox', {
    meaning:
      'Who moves the money: `sandbox` (nobody; see [docs/payments.md](docs/payments.md)), `stripe`, or `none` for cash on delivery only',
    example: 'stripe',
    fallbackText: '`sandbox`; in production `none`',
  }),
  stripeSecretKey: {
    ...text('STRIPE_SECRET_KEY', /^(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,247}$/, undefined, {
      expected: 'a secret or restricted key of Stripe: sk_live_…, rk_live_…, sk_test_… or rk_test_…',
      meaning: 'Stripe’s secret key, for `PAYMENT_GATEWAY=stripe`',
      example: 'sk_live_…',
      fallbackText: 'none',
    }),
    secret: true,
  },
  stripeSecretKeyFile: text('STRIPE_SECRET_KEY_FILE', PATH, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/stripe_secret_key',
    fallbackText: 'none',
  }),
  stripeWebhookSecret: {
    ...text('STRIPE_WEBHOOK_SECRET', /^whsec_[A-Za-z0-9+/=_-]{10,250}$/, undefined, {
      expected: 'the signing secret of the endpoint, as Stripe shows it: whsec_…',
      meaning: 'Secret with which Stripe signs what it posts to `/v1/payments/webhooks/stripe`',
      example: 'whsec_…',
      fallbackText: 'none',
    }),
    secret: true,
  },
  stripeWebhookSecretFile: text('STRIPE_WEBHOOK_SECRET_FILE', PATH, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/stripe_webhook_secret',
    fallbackText: 'none',
  }),
  paymentTimeoutSeconds: whole('PAYMENT_TIMEOUT_SECONDS', [1, 120], 20, {
    meaning: 'How long a call to the gateway may take before its outcome counts as unknown',
    example: '20',
  }),
  sandboxPendingSeconds: whole('SANDBOX_PENDING_SECONDS', [0, daySeconds], 3, {
    meaning: 'How long the sandbox’s pending payments are pending',
    example: '3',
  }),
  sandboxLateSeconds: whole('SANDBOX_LATE_SECONDS', [0, daySeconds], 900, {
    meaning: 'How much later its late webhooks come, and how long its slow payments are pending',
    example: '900',
  }),
}

const STRIPE_SECRET_KEY: SecretSetting = {
  value: paymentSettings.stripeSecretKey,
  file: paymentSettings.stripeSecretKeyFile,
}
const STRIPE_WEBHOOK_SECRET: SecretSetting = {
  value: paymentSettings.stripeWebhookSecret,
  file: paymentSettings.stripeWebhookSecretFile,
}

export function readPayments(reader: SettingsReader, mode: string, warnings: string[]): PaymentConfig {
  const { take, isGiven } = reader
  const chosen = take(paymentSettings.paymentGateway)
  const timeoutMs = take(paymentSettings.paymentTimeoutSeconds) * 1_000
  const delays = {
    shortMs: take(paymentSettings.sandboxPendingSeconds) * 1_000,
    longMs: take(paymentSettings.sandboxLateSeconds) * 1_000,
  }
  if (chosen === 'stripe') {
    const secretKey = required(reader, STRIPE_SECRET_KEY)
    const webhookSecret = required(reader, STRIPE_WEBHOOK_SECRET)
    if (mode === 'production' && /^[sr]k_test_/.test(secretKey)) {
      warnings.push('STRIPE_SECRET_KEY is a test key: no payment is real.')
    }
    return { gateway: 'stripe', secretKey, webhookSecret, timeoutMs }
  }
  if (chosen === 'none') return { gateway: 'none' }
  if (mode !== 'production') return { gateway: 'sandbox', delays }
  if (!isGiven(paymentSettings.paymentGateway)) {
    warnings.push(
      'PAYMENT_GATEWAY is not set: in production that means none, and orders can be paid on delivery only.',
    )
    return { gateway: 'none' }
  }
  warnings.push('PAYMENT_GATEWAY is sandbox in production: whoever knows a test card is given the goods.')
  return { gateway: 'sandbox', delays }
}

/** Reported where it is missing or malformed; what is answered then nobody will see. */
function required(reader: SettingsReader, setting: SecretSetting): string {
  const secret = reader.secret(setting)
  if (secret.type === 'absent') {
    reader.report(setting.value, 'nothing', 'set where PAYMENT_GATEWAY is stripe, or its file named')
  }
  if (secret.type !== 'given') return ''
  if (!setting.value.schema.safeParse(secret.text).success) {
    reader.report(secret.source, `${secret.text.length} characters, not shown`, setting.value.expected)
  }
  return secret.text
}
