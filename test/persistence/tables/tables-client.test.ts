import * as assert from 'uvu/assert'
import { apiKeysOf } from '../../../src/persistence/tables/api-keys-client.ts'
import { TablesClient } from '../../../src/persistence/tables/tables-client.ts'
import { TablesError } from '../../../src/persistence/tables/tables-error.ts'
import {
  type FromTables,
  type ToTables,
  tablesCallsInFlightMax,
  tablesTimeoutMs,
} from '../../../src/persistence/tables/tables-protocol.ts'
import type { Port, Timers } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

const SHOP = { name: 'shop', role: 'service', createdBy: 'key_admin' } as const

/** A client, and by hand all that it depends on. */
class Bench {
  readonly sent: ToTables[] = []
  readonly revoked: string[] = []
  readonly #soon: (() => void)[] = []
  readonly #timers = new Set<() => void>()
  deliver: (message: FromTables) => void = () => {}
  readonly timers: Timers = {
    after: (delayMs, call) => {
      assert.is(delayMs, tablesTimeoutMs)
      this.#timers.add(call)
      return { cancel: () => void this.#timers.delete(call) }
    },
    soon: (call) => void this.#soon.push(call),
  }
  readonly client = new TablesClient({
    timers: this.timers,
    onNotice: (notice) => void (notice.type === 'keyRevoked' && this.revoked.push(notice.id)),
  })
  readonly apiKeys = apiKeysOf(this.client)

  get timersCount(): number {
    return this.#timers.size
  }

  connect(): void {
    const port: Port<FromTables, ToTables> = {
      send: (message) => void this.sent.push(message),
      receive: (handler) => {
        this.deliver = handler
      },
      onClose() {},
      close() {},
    }
    this.client.connect(port)
  }

  tick(): void {
    for (const call of this.#soon.splice(0)) call()
  }

  timeOut(): void {
    for (const call of [...this.#timers]) call()
  }
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof TablesError) return error.code
    throw error
  }
  throw new Error('it did not fail')
}

const test = suite('the tables client')

test('sends the calls of one tick in one message and matches replies in any order', async () => {
  const bench = new Bench()
  bench.connect()
  const [first, second] = [bench.apiKeys.findByHash('a'), bench.apiKeys.revoke('key_b')]
  assert.is(bench.sent.length, 0)
  bench.tick()
  assert.equal(bench.sent, [
    {
      requests: [
        { call: 1, request: { name: 'apiKeys.find', args: { hash: 'a' } } },
        { call: 2, request: { name: 'apiKeys.revoke', args: { id: 'key_b' }, key: undefined } },
      ],
    },
  ])
  bench.deliver({
    type: 'outcomes',
    notices: [{ type: 'keyRevoked', id: 'key_b' }],
    revocations: 0,
    outcomes: [
      { call: 2, outcome: { type: 'answered', reply: { revoked: true } } },
      { call: 1, outcome: { type: 'answered', reply: { id: 'key_a', role: 'staff' } } },
    ],
  })
  assert.equal(await first, { id: 'key_a', role: 'staff' })
  assert.equal(await second, { revoked: true })
  assert.equal(bench.revoked, ['key_b'])
  assert.is(bench.timersCount, 0, 'answered calls leave no timer behind')
})

test('refuses calls while it is not connected', async () => {
  const bench = new Bench()
  assert.is(await failureOf(bench.apiKeys.list()), 'unavailable')
  assert.is(await failureOf(bench.apiKeys.create(SHOP)), 'unavailable')
})

test('refuses at once what is beyond its bound', async () => {
  const bench = new Bench()
  bench.connect()
  const waiting = Array.from({ length: tablesCallsInFlightMax }, () => failureOf(bench.apiKeys.list()))
  assert.is(await failureOf(bench.apiKeys.list()), 'overloaded')
  assert.is(bench.timersCount, tablesCallsInFlightMax)
  bench.client.close()
  await Promise.all(waiting)
  assert.is(bench.timersCount, 0)
})

test('ends every call in time: a read failed, of a write nobody knows', async () => {
  const bench = new Bench()
  bench.connect()
  const [reading, writing] = [failureOf(bench.apiKeys.list()), failureOf(bench.apiKeys.create(SHOP))]
  bench.tick()
  bench.timeOut()
  assert.is(await reading, 'unavailable')
  assert.is(await writing, 'outcome-unknown')
  bench.deliver({
    type: 'outcomes',
    notices: [],
    revocations: 0,
    outcomes: [{ call: 2, outcome: { type: 'answered', reply: { id: 'key_x', key: 'hf_x' } } }],
  })
})

test('tells failures by their code, and whether to try again', async () => {
  const bench = new Bench()
  bench.connect()
  const creating = bench.apiKeys.create(SHOP)
  bench.tick()
  bench.deliver({
    type: 'outcomes',
    notices: [],
    revocations: 0,
    outcomes: [{ call: 1, outcome: { type: 'failed', code: 'api-keys-full', message: 'too many' } }],
  })
  try {
    await creating
    assert.unreachable('it succeeded')
  } catch (error) {
    assert.instance(error, TablesError)
    assert.is((error as TablesError).code, 'api-keys-full')
    assert.is((error as TablesError).message, 'too many')
    assert.not((error as TablesError).retryable)
  }
})

test('a write that was never sent has not happened when the tables end', async () => {
  const bench = new Bench()
  bench.connect()
  const sent = failureOf(bench.apiKeys.create(SHOP))
  bench.tick()
  const unsent = failureOf(bench.apiKeys.create(SHOP))
  bench.deliver({ type: 'ended', code: 'unavailable', message: 'gone' })
  assert.is(await sent, 'outcome-unknown')
  assert.is(await unsent, 'unavailable')
  bench.tick()
  assert.is(bench.sent.length, 1)
})

test('speaks to the successor, and no longer hears the predecessor', async () => {
  const bench = new Bench()
  bench.connect()
  const lost = failureOf(bench.apiKeys.list())
  bench.tick()
  const late = bench.deliver
  bench.connect()
  assert.is(await lost, 'unavailable')
  const listing = bench.apiKeys.list()
  bench.tick()
  late({ type: 'ended', code: 'unavailable', message: 'gone' })
  const reply = { type: 'answered', reply: [] } as const
  late({
    type: 'outcomes',
    notices: [{ type: 'keyRevoked', id: 'key_a' }],
    revocations: 0,
    outcomes: [{ call: 2, outcome: reply }],
  })
  assert.equal(bench.revoked, [])
  bench.deliver({ type: 'outcomes', notices: [], revocations: 0, outcomes: [{ call: 2, outcome: reply }] })
  assert.equal(await listing, [])
})

test.run()
