import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { openGateway } from '../../../src/shop/payments/open-gateway.ts'
import { suite } from '../../support/suite.ts'
import { SandboxTill } from './sandbox-till.ts'

const test = suite('the gateway that is opened')

test('is the one that the settings name', async () => {
  const till = new SandboxTill()
  const parts = { tables: till.tables, clock: till.timers.clock, log: pino({ level: 'silent' }) }
  try {
    assert.is(await openGateway({ gateway: 'none' }, parts), undefined)
    const sandbox = await openGateway({ gateway: 'sandbox', delays: { shortMs: 1, longMs: 2 } }, parts)
    assert.equal([sandbox?.name, sandbox?.takesCardDetails], ['sandbox', true])
    const secrets = { secretKey: 'sk_test_1234567890', webhookSecret: 'whsec_1234567890' }
    const stripe = await openGateway({ gateway: 'stripe', ...secrets, timeoutMs: 1_000 }, parts)
    assert.equal([stripe?.name, stripe?.takesCardDetails, stripe?.methods], ['stripe', false, ['card']])
  } finally {
    await till.close()
  }
})

test.run()
