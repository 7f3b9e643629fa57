import * as assert from 'uvu/assert'
import { explain } from '../../src/config/explain.ts'
import { type ConfigResult, readConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const ADMIN_KEY = 'hf_admin_Zk3v9QpX7sTbN2mLr8WcY5dJhG4fEaU6oKiR1tSy'
const SECRET_KEY = 'sk_live_51HoldfastHoldfastHoldfast'
const WEBHOOK_SECRET = 'whsec_HoldfastHoldfast'
const PRODUCTION = { NODE_ENV: 'production', ADMIN_KEY }
const STRIPE = {
  PAYMENT_GATEWAY: 'stripe',
  STRIPE_SECRET_KEY: SECRET_KEY,
  STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
}

const test = suite('the settings of payments')

function read(environment: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  return readConfig(environment, {
    cores: 2,
    memoryBytes: 8 * 1_024 ** 3,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

function paymentsOf(result: ConfigResult) {
  if (result.type === 'invalid') throw new Error(explain(result.problems))
  return result.config.payments
}

function wrongOf(result: ConfigResult): readonly string[] {
  return result.type === 'valid' ? [] : result.problems.map(({ variable }) => variable)
}

test('the sandbox is the default, and never by default in production', () => {
  const delays = { shortMs: 3_000, longMs: 900_000 }
  assert.equal(paymentsOf(read({})), { gateway: 'sandbox', delays })
  const inProduction = read(PRODUCTION)
  assert.equal(paymentsOf(inProduction), { gateway: 'none' })
  assert.match(inProduction.warnings.join('\n'), 'PAYMENT_GATEWAY is not set')
  const onPurpose = read({ ...PRODUCTION, PAYMENT_GATEWAY: 'sandbox' })
  assert.equal(paymentsOf(onPurpose), { gateway: 'sandbox', delays })
  assert.match(onPurpose.warnings.join('\n'), 'whoever knows a test card is given the goods')
  const none = read({ ...PRODUCTION, PAYMENT_GATEWAY: 'none' })
  assert.equal([paymentsOf(none), none.warnings], [{ gateway: 'none' }, []])
})

test('Stripe needs both of its secrets, and a start without says which', () => {
  assert.equal(wrongOf(read({ PAYMENT_GATEWAY: 'stripe' })), ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'])
  const { STRIPE_WEBHOOK_SECRET: _, ...half } = STRIPE
  assert.equal(wrongOf(read(half)), ['STRIPE_WEBHOOK_SECRET'])
  assert.equal(paymentsOf(read(STRIPE)), {
    gateway: 'stripe',
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
    timeoutMs: 20_000,
  })
})

test('Stripe’s secrets come from files too, and never from both', () => {
  const files = { '/run/key': `${SECRET_KEY}\n`, '/run/hook': `${WEBHOOK_SECRET}\n` }
  const fromFiles = {
    PAYMENT_GATEWAY: 'stripe',
    STRIPE_SECRET_KEY_FILE: '/run/key',
    STRIPE_WEBHOOK_SECRET_FILE: '/run/hook',
  }
  assert.equal(paymentsOf(read(fromFiles, files)), paymentsOf(read(STRIPE)))
  assert.equal(wrongOf(read(fromFiles)), ['STRIPE_SECRET_KEY_FILE', 'STRIPE_WEBHOOK_SECRET_FILE'])
  assert.equal(wrongOf(read({ ...STRIPE, STRIPE_SECRET_KEY_FILE: '/run/key' }, files)), ['STRIPE_SECRET_KEY'])
})

test('a secret that is none is refused, and is not shown', () => {
  for (const wrong of [
    'pk_live_51HoldfastHoldfastHoldfast',
    `${SECRET_KEY} `,
    'sk_live_short',
    WEBHOOK_SECRET,
  ]) {
    const result = read({ ...STRIPE, STRIPE_SECRET_KEY: wrong })
    assert.equal(wrongOf(result), ['STRIPE_SECRET_KEY'], wrong)
    assert.not.ok(result.type === 'invalid' && explain(result.problems).includes(wrong))
  }
  assert.equal(wrongOf(read({ ...STRIPE, STRIPE_WEBHOOK_SECRET: 'secret' })), ['STRIPE_WEBHOOK_SECRET'])
})

test('a test key in production is worth a warning', () => {
  const key = SECRET_KEY.replace('live', 'test')
  const { warnings } = read({ ...PRODUCTION, ...STRIPE, STRIPE_SECRET_KEY: key })
  assert.equal(warnings, ['STRIPE_SECRET_KEY is a test key: no payment is real.'])
  assert.equal(read({ ...PRODUCTION, ...STRIPE }).warnings, [])
})

test.run()
