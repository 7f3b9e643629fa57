import * as assert from 'uvu/assert'
import type { MailEvent } from '../../../src/persistence/tables/mail/mail-operations.ts'
import { mailKeptMax, mailWaitingMax } from '../../../src/persistence/tables/mail/mail-operations.ts'
import { enqueue, type OutboxEventType } from '../../../src/persistence/tables/outbox.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import type { LetterFacts } from '../../../src/shop/notifications/letters.ts'
import { MailCourier, shopOf } from '../../../src/shop/notifications/mail-courier.ts'
import type { MailResult, Message } from '../../../src/shop/notifications/mailer.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { passTime } from '../../support/pass-time.ts'
import { suite } from '../../support/suite.ts'
import { ANN, NOW_MS, orderFacts } from './letter-examples.ts'

const HOUR_MS = 3_600_000
const FAILED: MailResult = { type: 'failed', trouble: 'ECONNREFUSED', isFinal: false }
const test = suite('what customers are told')

class World {
  readonly timers = new ManualTimers(new ManualClock(NOW_MS))
  readonly tables = new InProcessTables(this.timers.clock)
  readonly sent: Message[] = []
  readonly unsent: string[] = []
  readonly troubles: unknown[] = []
  answer: () => MailResult | Promise<MailResult> = () => ({ type: 'sent' })
  factsOf: (event: MailEvent) => Promise<LetterFacts | undefined> = async ({ type }) =>
    type === 'user.registered' ? { type: 'account', to: ANN } : orderFacts()
  readonly courier = this.newCourier()

  newCourier(): MailCourier {
    const { tables, timers } = this
    return new MailCourier({
      tables,
      timers: timers.session(),
      mailer: {
        send: async (message) => {
          this.sent.push(message)
          return this.answer()
        },
        close: () => {},
      },
      from: 'The Shop <orders@shop.example>',
      factsOf: (event) => this.factsOf(event),
      onUnsent: (id, trouble, isGivenUp) => {
        this.unsent.push(`${id} ${trouble}${isGivenUp ? ' for good' : ''}`)
      },
      onTrouble: (error) => void this.troubles.push(error),
    })
  }

  happens(type: OutboxEventType, subjectId = 'ord_1'): number {
    const moment = { nowMs: this.timers.clock.wallMs(), notify: () => {} }
    return new SqliteSession(this.tables.database).run(enqueue({ type, subjectId, payload: {} }, moment))
  }

  get waiting(): number {
    const sql = 'SELECT count(*) AS waiting FROM mail'
    return this.tables.database.prepare<[], { readonly waiting: number }>(sql).get()?.waiting ?? -1
  }
}

async function within(use: (world: World) => Promise<void>): Promise<void> {
  const world = new World()
  try {
    await use(world)
  } finally {
    world.courier.stop()
    world.tables.close()
  }
}

test('is each event that concerns them, once, under an id that the event gives', () =>
  within(async (world) => {
    world.courier.start()
    const id = world.happens('order.confirmed')
    world.happens('user.registered', 'usr_1')
    for (const type of ['order.created', 'order.expired', 'product.changed', 'order.delivered'] as const) {
      world.happens(type)
    }
    await passTime(world.timers, 10_000)
    assert.equal(
      world.sent.map(({ messageId }) => messageId),
      [`evt_${id}@shop.example`, `evt_${id + 1}@shop.example`],
    )
    const [confirmed] = world.sent
    assert.equal([confirmed?.to, confirmed?.subject], [ANN, 'Order ord_1 confirmed'])
    assert.match(confirmed?.html ?? '', 'The Shop')
    assert.is(world.waiting, 0)
    assert.equal(world.troubles, [])
  }))

test('is tried again while the mail server is away, for two days or so, and then given up and kept', () =>
  within(async (world) => {
    const id = world.happens('order.confirmed')
    world.answer = () => FAILED
    world.courier.start()
    await passTime(world.timers, 60_000, 5_000)
    assert.is(world.sent.length, 2)
    await passTime(world.timers, 60 * HOUR_MS, 900_000)
    assert.is(world.sent.length, 8)
    assert.is(new Set(world.sent.map(({ messageId }) => messageId)).size, 1)
    assert.equal(world.unsent.slice(-2), [`${id} ECONNREFUSED`, `${id} ECONNREFUSED for good`])
    assert.is(world.waiting, 1)
  }))

test('is not tried again where it was refused for good, and keeps nobody else waiting', () =>
  within(async (world) => {
    world.happens('order.confirmed', 'ord_1')
    world.happens('order.confirmed', 'ord_2')
    world.answer = () => (world.sent.length === 1 ? { ...FAILED, isFinal: true } : { type: 'sent' })
    world.courier.start()
    await passTime(world.timers, HOUR_MS, 60_000)
    assert.is(world.sent.length, 2)
    assert.is(world.unsent.length, 1)
  }))

test('is nothing where there is nobody to tell', () =>
  within(async (world) => {
    world.factsOf = async () => undefined
    world.happens('order.confirmed')
    await world.courier.tick()
    assert.equal([world.sent.length, world.waiting], [0, 0])
  }))

test('goes out again, under its id, where somebody died between the sending and its record', () =>
  within(async (world) => {
    world.happens('order.confirmed')
    world.answer = () => new Promise(() => {})
    void world.courier.tick()
    await passTime(world.timers, 1_000)
    assert.is(world.sent.length, 1)
    world.answer = () => ({ type: 'sent' })
    const successor = world.newCourier()
    successor.start()
    await passTime(world.timers, 100_000, 10_000)
    assert.is(world.sent.length, 1, 'not while it may still be under way')
    await passTime(world.timers, 60_000, 10_000)
    successor.stop()
    assert.is(world.sent.length, 2)
    assert.is(world.sent[0]?.messageId, world.sent[1]?.messageId)
    assert.is(world.waiting, 0)
  }))

test('waits where the facts cannot be read, and a fault of this program is heard of', () =>
  within(async (world) => {
    world.happens('order.confirmed')
    const fault = new Error('a fault')
    world.factsOf = () => Promise.reject(fault)
    world.courier.start()
    await passTime(world.timers, 2_000)
    assert.equal([world.sent.length, world.troubles.length, world.waiting], [0, 1, 1])
    world.factsOf = async () => orderFacts()
    await passTime(world.timers, 180_000, 10_000)
    assert.is(world.sent.length, 1)
  }))

test('that could not be told is kept for a while, and not for ever', () =>
  within(async (world) => {
    world.answer = () => ({ ...FAILED, isFinal: true })
    for (let i = 0; i < mailKeptMax + 20; i++) world.happens('order.confirmed', `ord_${i}`)
    while ((await world.courier.tick()) > 0);
    assert.is(world.waiting, mailKeptMax)
  }))

test('waits in the outbox where as much waits to be sent as may', () =>
  within(async (world) => {
    world.answer = () => FAILED
    world.tables.database.exec('BEGIN')
    for (let i = 0; i < mailWaitingMax + 500; i++) world.happens('order.confirmed', `ord_${i}`)
    world.tables.database.exec('COMMIT')
    await world.courier.tick()
    assert.is(world.waiting, mailWaitingMax)
    world.answer = () => ({ type: 'sent' })
    world.timers.clock.pass(60_000)
    await world.courier.tick()
    await world.courier.tick()
    assert.is(world.waiting, mailWaitingMax - 16)
  }))

test('is signed with the shop’s name', () => {
  assert.is(shopOf('The Shop <a@shop.example>'), 'The Shop')
  assert.is(shopOf('"The Shop, Ltd." <a@shop.example>'), 'The Shop, Ltd.')
  assert.is(shopOf('a@shop.example'), 'shop.example')
  assert.is(shopOf('<a@shop.example>'), 'shop.example')
})

test.run()
