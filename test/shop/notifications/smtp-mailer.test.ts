import * as assert from 'uvu/assert'
import type { Message } from '../../../src/shop/notifications/mailer.ts'
import { openMailer } from '../../../src/shop/notifications/open-mailer.ts'
import { suite } from '../../support/suite.ts'
import { FakeSmtp } from './fake-smtp.ts'
import { ANN, NOW_MS } from './letter-examples.ts'

const FROM = 'The Shop <orders@shop.example>'
const MESSAGE: Message = {
  messageId: 'evt_7@shop.example',
  from: FROM,
  to: ANN,
  subject: 'Order ord_1 confirmed',
  text: 'Hello',
  html: '<p>Hello</p>',
  atMs: NOW_MS,
}

const test = suite('messages through a mail server')

async function within(use: (fake: FakeSmtp, send: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const fake = await FakeSmtp.start()
  const smtpUrl = `smtp://shop:hunter22@127.0.0.1:${fake.port}`
  const mailer = openMailer({ from: FROM, smtpUrl }, '/nowhere')
  try {
    await use(fake, () => mailer.send(MESSAGE))
  } finally {
    mailer.close()
    await fake.close()
  }
}

test('are handed over', () =>
  within(async (fake, send) => {
    assert.equal(await send(), { type: 'sent' })
    assert.equal(await send(), { type: 'sent' })
    assert.is(fake.messages.length, 2)
    assert.match(fake.messages[0] ?? '', 'Message-ID: <evt_7@shop.example>')
  }))

test('are tried again but where their own address or text is refused for good; what is told says nothing of anybody', () =>
  within(async (fake, send) => {
    const cases = [
      [{ RCPT: '550 5.1.1 ann@example.com is nobody' }, 'EENVELOPE 550', true],
      [{ RCPT: '450 4.2.1 ann@example.com is busy' }, 'EENVELOPE 450', false],
      [{ DATA: '554 5.7.1 spam' }, 'EENVELOPE 554', true],
    ] as const
    for (const [refusals, trouble, isFinal] of cases) {
      fake.refusals = refusals
      assert.equal(await send(), { type: 'failed', trouble, isFinal })
    }
    fake.refusals = {}
    assert.equal(await send(), { type: 'sent' })
  }))

test('wait for a password that is right: the wrong one is no fault of theirs', () =>
  within(async (fake, send) => {
    fake.refusals = { AUTH: '535 5.7.8 hunter22 is wrong' }
    assert.equal(await send(), { type: 'failed', trouble: 'EAUTH 535', isFinal: false })
  }))

test('are tried again where nobody answers', async () => {
  const fake = await FakeSmtp.start()
  const { port } = fake
  await fake.close()
  const mailer = openMailer({ from: FROM, smtpUrl: `smtp://127.0.0.1:${port}` }, '/nowhere')
  const result = await mailer.send(MESSAGE)
  mailer.close()
  assert.is(result.type === 'failed' && result.isFinal, false)
})

test.run()
