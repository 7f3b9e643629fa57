import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Message } from '../../../src/shop/notifications/mailer.ts'
import { openMailer } from '../../../src/shop/notifications/open-mailer.ts'
import { suite } from '../../support/suite.ts'
import { ANN, NOW_MS } from './letter-examples.ts'

const FILES = { from: 'The Shop <orders@shop.example>', smtpUrl: undefined }
const MESSAGE: Message = {
  messageId: 'evt_7@shop.example',
  from: FILES.from,
  to: ANN,
  subject: 'Order ord_1 confirmed',
  text: 'Hello',
  html: '<p>Hello</p>',
  atMs: NOW_MS,
}

const test = suite('messages as files')

async function within(use: (directory: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-mail-'))
  try {
    await use(join(root, 'mail'))
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('are whole, in both forms, and for the shop’s own eyes', () =>
  within(async (directory) => {
    assert.equal(await openMailer(FILES, directory).send(MESSAGE), { type: 'sent' })
    assert.equal(readdirSync(directory), ['evt_7.eml'])
    const path = join(directory, 'evt_7.eml')
    const text = readFileSync(path, 'utf8')
    for (const part of [
      'From: The Shop <orders@shop.example>',
      'To: Ann <ann@example.com>',
      'Subject: Order ord_1 confirmed',
      'Message-ID: <evt_7@shop.example>',
      'Date: Sat, 28 Nov 2026 12:00:00 +0000',
      'Content-Type: multipart/alternative',
      'Content-Type: text/plain',
      'Content-Type: text/html',
    ]) {
      assert.match(text, part)
    }
    assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(directory).mode & 0o777, 0o700)
  }))

test('sent again take their own place', () =>
  within(async (directory) => {
    const mailer = openMailer(FILES, directory)
    await mailer.send(MESSAGE)
    await mailer.send({ ...MESSAGE, text: 'Hello again' })
    assert.equal(readdirSync(directory), ['evt_7.eml'])
    assert.match(readFileSync(join(directory, 'evt_7.eml'), 'utf8'), 'Hello again')
  }))

test('have no header that a name or a title wrote', () =>
  within(async (directory) => {
    const to = { name: 'Ann\r\nBcc: eve@example.com', email: 'ann@example.com' }
    const subject = 'Order\r\nBcc: eve@example.com\r\n\r\n<script>'
    await openMailer(FILES, directory).send({ ...MESSAGE, to, subject })
    const [head = ''] = readFileSync(join(directory, 'evt_7.eml'), 'utf8').split('\n\n')
    assert.not.match(head, /^Bcc:/im)
    assert.match(head, /^Subject: Order Bcc/m)
  }))

test('that cannot be written are tried again', () =>
  within(async (directory) => {
    // A file stands where the directory should be.
    writeFileSync(directory, '')
    const result = await openMailer(FILES, directory).send(MESSAGE)
    assert.is(result.type === 'failed' && result.isFinal, false)
  }))

test.run()
