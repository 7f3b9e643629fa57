import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { hashOfApiKey } from '../../../src/persistence/tables/api-key.ts'
import { type ApiKeysClient, apiKeysOf } from '../../../src/persistence/tables/api-keys-client.ts'
import { openDatabase } from '../../../src/persistence/tables/database.ts'
import { migrate } from '../../../src/persistence/tables/migrations.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { tableKeyOf } from '../../../src/persistence/tables/table-key.ts'
import { TablesClient } from '../../../src/persistence/tables/tables-client.ts'
import { TablesError, type TablesErrorCode } from '../../../src/persistence/tables/tables-error.ts'
import {
  type FromTables,
  type ToTables,
  tablesBatchMax,
  tablesCallsInFlightMax,
} from '../../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../../src/persistence/tables/tables-server.ts'
import { type Clock, type Port, realRandom, type Timers } from '../../../src/seams.ts'
import { suite } from '../../support/suite.ts'

const SHOP = { name: 'shop', role: 'service', createdBy: 'key_admin' } as const
const clock: Clock = { wallMs: () => 1_000, monotonicMs: () => 0 }

/** A server and its listeners in one thread; nothing moves but in `settle`. */
class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-tables-'))
  readonly path = join(this.directory, 'tables.sqlite')
  readonly database: Database.Database
  readonly server: TablesServer
  readonly #turns: (() => void)[] = []
  readonly timers: Timers = {
    after: () => ({ cancel() {} }),
    soon: (call) => void this.#turns.push(call),
  }

  constructor() {
    this.database = openDatabase(this.path)
    migrate(this.database, schema, 0)
    this.server = new TablesServer(this.database, { clock, timers: this.timers, random: realRandom() })
  }

  listener(log: string[] = []): { readonly apiKeys: ApiKeysClient } {
    const client = new TablesClient({
      timers: this.timers,
      onNotice: (notice) => void (notice.type === 'keyRevoked' && log.push(`revoked ${notice.id}`)),
    })
    const [ours, theirs] = this.#channel()
    client.connect(ours)
    this.server.connect(theirs)
    return { apiKeys: apiKeysOf(client) }
  }

  settle(): void {
    for (let turn = this.#turns.shift(); turn !== undefined; turn = this.#turns.shift()) turn()
  }

  close(): void {
    this.server.close()
    if (this.database.open) this.database.close()
    rmSync(this.directory, { recursive: true })
  }

  #channel(): [Port<FromTables, ToTables>, Port<ToTables, FromTables>] {
    let toClient: (message: FromTables) => void = () => {}
    let toServer: (message: ToTables) => void = () => {}
    // Cloned, as between threads: what does not survive that must fail here too.
    return [
      {
        send: (message) => toServer(structuredClone(message)),
        receive: (handler) => {
          toClient = handler
        },
        onClose() {},
        close() {},
      },
      {
        send: (message) => toClient(structuredClone(message)),
        receive: (handler) => {
          toServer = handler
        },
        onClose() {},
        close() {},
      },
    ]
  }
}

const test = suite<{ world: World }>('the tables server', { context: { world: new World() } })

test.before.each((context) => {
  context.world.close()
  context.world = new World()
})
test.after(({ world }) => world.close())

async function failureOf(promise: Promise<unknown>): Promise<TablesErrorCode> {
  try {
    await promise
  } catch (error) {
    if (error instanceof TablesError) return error.code
    throw error
  }
  throw new Error('it did not fail')
}

/** Transactions in the write-ahead log: frames that name the size of the database end one. */
function commitsInLog(path: string): number {
  const log = readFileSync(`${path}-wal`)
  const frameBytes = 24 + log.readUInt32BE(8)
  let count = 0
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes) {
    // Frames of an earlier round of the log have another salt.
    const current = log.subarray(at + 8, at + 16).equals(log.subarray(16, 24))
    if (current && log.readUInt32BE(at + 4) !== 0) count += 1
  }
  return count
}

test('makes, finds, lists and revokes keys', async ({ world }) => {
  const { apiKeys } = world.listener()
  const creating = apiKeys.create(SHOP)
  world.settle()
  const { id, key } = await creating

  const [finding, listing] = [apiKeys.findByHash(hashOfApiKey(key)), apiKeys.list()]
  world.settle()
  assert.equal(await finding, { id, role: 'service' })
  assert.equal(await listing, [{ id, ...SHOP, createdAtMs: 1_000 }])

  const revoking = [apiKeys.revoke(id), apiKeys.revoke(id), apiKeys.revoke('key_unknown')]
  const findingAgain = apiKeys.findByHash(hashOfApiKey(key))
  world.settle()
  assert.equal(await Promise.all(revoking), [{ revoked: true }, { revoked: false }, { revoked: false }])
  assert.is(await findingAgain, undefined)
})

test('commits all writes that wait, from all listeners, in one transaction', async ({ world }) => {
  const before = commitsInLog(world.path)
  const listeners = [world.listener(), world.listener(), world.listener()]
  const creating = listeners.flatMap(({ apiKeys }) => Array.from({ length: 100 }, () => apiKeys.create(SHOP)))
  world.settle()
  const made = await Promise.all(creating)
  assert.is(new Set(made.map(({ key }) => key)).size, 300)
  assert.is(world.server.commitsCount, 1)
  assert.is(commitsInLog(world.path) - before, 1)
})

test('takes no more into a transaction than its first caller should wait for', async ({ world }) => {
  const { apiKeys } = world.listener()
  const creating = Array.from({ length: tablesCallsInFlightMax }, () => apiKeys.create(SHOP))
  world.settle()
  await Promise.all(creating)
  assert.is(world.server.commitsCount, tablesCallsInFlightMax / tablesBatchMax)
})

test('reads alone open no transaction', async ({ world }) => {
  const { apiKeys } = world.listener()
  const reading = [apiKeys.list(), apiKeys.findByHash('x')]
  world.settle()
  assert.equal(await Promise.all(reading), [[], undefined])
  assert.is(world.server.commitsCount, 0)
})

test('answers only what another connection can already see', ({ world }) => {
  const other = new Database(world.path, { readonly: true })
  const count = other.prepare('SELECT count(*) FROM api_keys').pluck()
  const seen: unknown[] = []
  let ask: (message: ToTables) => void = () => {}
  world.server.connect({
    send: (message) => {
      if (message.type === 'outcomes') seen.push(message.outcomes.length, count.get())
    },
    receive: (handler) => {
      ask = handler
    },
    onClose() {},
    close() {},
  })
  const request = { name: 'apiKeys.create', args: SHOP } as const
  ask({ requests: [1, 2, 3].map((call) => ({ call, request })) })
  assert.equal(seen, [])
  world.settle()
  assert.equal(seen, [3, 3])
  other.close()
})

test('one write that fails takes no other with it', async ({ world }) => {
  const { apiKeys } = world.listener()
  const good = apiKeys.create(SHOP)
  const bad = failureOf(apiKeys.create({ ...SHOP, name: '' }))
  const alsoGood = apiKeys.create({ ...SHOP, name: 'x' })
  world.settle()
  assert.is(await bad, 'invalid')
  assert.not.equal((await good).id, (await alsoGood).id)
  assert.is(world.server.commitsCount, 1)
})

test('tells every listener of a revocation, and its caller first of it and then of its success', async ({
  world,
}) => {
  const [log, otherLog]: [string[], string[]] = [[], []]
  const { apiKeys } = world.listener(log)
  world.listener(otherLog)
  const creating = apiKeys.create(SHOP)
  world.settle()
  const { id } = await creating
  assert.equal([log, otherLog], [[], []])

  const revoking = apiKeys.revoke(id).then(({ revoked }) => void log.push(`answered ${revoked}`))
  world.settle()
  assert.equal(otherLog, [`revoked ${id}`], 'before the answer is even looked at')
  await revoking
  assert.equal(log, [`revoked ${id}`, 'answered true'])

  const again = apiKeys.revoke(id)
  world.settle()
  await again
  assert.equal(otherLog, [`revoked ${id}`], 'nothing changed, nothing is told')
})

test('a full disk refuses writes, answers reads and passes when there is room', async ({ world }) => {
  const { apiKeys } = world.listener()
  const pages = Number(world.database.pragma('page_count', { simple: true }))
  world.database.pragma(`max_page_count = ${pages + 1}`)
  const creating = Array.from({ length: 200 }, () => failureOf(apiKeys.create(SHOP)))
  const listing = apiKeys.list()
  world.settle()
  assert.equal(new Set(await Promise.all(creating)), new Set(['storage-full']))
  assert.equal(await listing, [], 'what was rolled back is not shown')
  assert.is(world.server.commitsCount, 0)

  world.database.pragma('max_page_count = 100000')
  const retry = apiKeys.create(SHOP)
  world.settle()
  assert.match((await retry).key, /^hf_/)
})

test('a disk that fails ends the server with the reason, and leaves no call waiting', async ({ world }) => {
  const { apiKeys } = world.listener()
  const [writing, reading] = [failureOf(apiKeys.create(SHOP)), failureOf(apiKeys.list())]
  const exec = world.database.exec.bind(world.database)
  world.database.exec = (source) => {
    if (source === 'COMMIT') throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC')
    return exec(source)
  }
  assert.throws(() => world.settle(), 'disk I/O error')
  assert.is(await writing, 'outcome-unknown')
  assert.is(await reading, 'unavailable')
  assert.is(await failureOf(apiKeys.list()), 'unavailable')
})

test('closing answers what waits, empties the log and says so to every listener', async ({ world }) => {
  const { apiKeys } = world.listener()
  const creating = Array.from({ length: 600 }, () => apiKeys.create(SHOP))
  const closing = apiKeys.list()
  // The requests arrive, and the server closes before it has turned to them.
  world.timers.soon(() => world.server.close())
  world.settle()
  await Promise.all(creating)
  assert.is((await closing).length, 600)
  assert.not(world.database.open)
  assert.is(await failureOf(apiKeys.create(SHOP)), 'shutting-down')
  assert.is(await failureOf(world.listener().apiKeys.list()), 'shutting-down')

  const reopened = openDatabase(world.path)
  assert.is(reopened.prepare('SELECT count(*) FROM api_keys').pluck().get(), 600)
  reopened.close()
})

const KEY = tableKeyOf('key_admin POST /v1/api-keys', 'a key of the client', 'a body')

test('makes a change once under an idempotency key, and answers as before from any listener', async ({
  world,
}) => {
  const first = world.listener().apiKeys.create(SHOP, KEY)
  world.settle()
  const { apiKeys } = world.listener()
  const again = apiKeys.create(SHOP, KEY)
  const listing = apiKeys.list()
  world.settle()
  assert.equal(await again, { ...(await first), replayed: true })
  assert.is((await listing).length, 1)

  const { id } = await first
  const revoke = { ...KEY, hash: 'd'.repeat(64) }
  const log: string[] = []
  world.listener(log)
  for (const expected of [{ revoked: true }, { revoked: true, replayed: true }]) {
    const revoking = apiKeys.revoke(id, revoke)
    world.settle()
    assert.equal(await revoking, expected)
  }
  assert.equal(log, [`revoked ${id}`], 'what is answered again changes nothing, so nothing is told')
})

test('refuses another body under a key, and a key whose first request still waits', async ({ world }) => {
  const listeners = [world.listener(), world.listener()] as const
  const first = listeners[0].apiKeys.create(SHOP, KEY)
  const running = listeners.map(({ apiKeys }) => failureOf(apiKeys.create(SHOP, KEY)))
  const other = listeners[1].apiKeys.create(SHOP, { ...KEY, hash: 'e'.repeat(64) })
  world.settle()
  assert.equal(await Promise.all(running), ['idempotency-in-flight', 'idempotency-in-flight'])
  assert.not.equal((await first).id, (await other).id)
  const mismatch = failureOf(listeners[1].apiKeys.create(SHOP, { ...KEY, fingerprint: 'f'.repeat(64) }))
  world.settle()
  assert.is(await mismatch, 'idempotency-mismatch')
  const count = world.database.prepare('SELECT count(*) FROM api_keys').pluck().get()
  assert.is(count, 2)
})

test('keeps no answer of what failed or found nothing, and none without its change', async ({ world }) => {
  const { apiKeys } = world.listener()
  const bad = failureOf(apiKeys.create({ ...SHOP, name: '' }, KEY))
  const nothing = apiKeys.revoke('key_unknown', { ...KEY, hash: 'd'.repeat(64) })
  world.settle()
  assert.is(await bad, 'invalid')
  assert.equal(await nothing, { revoked: false })
  const records = world.database.prepare('SELECT count(*) FROM idempotency_records').pluck()
  assert.is(records.get(), 0)

  const pages = Number(world.database.pragma('page_count', { simple: true }))
  world.database.pragma(`max_page_count = ${pages}`)
  const full = Array.from({ length: 100 }, (_, i) =>
    failureOf(apiKeys.create(SHOP, { ...KEY, hash: String(i).padStart(64, '0') })),
  )
  world.settle()
  assert.equal(new Set(await Promise.all(full)), new Set(['storage-full']))
  world.database.pragma('max_page_count = 100000')
  assert.is(records.get(), 0, 'change and record share a transaction')
  const retry = apiKeys.create(SHOP, KEY)
  world.settle()
  assert.not('replayed' in (await retry))
})

test('has the answer again after a restart', async ({ world }) => {
  const first = world.listener().apiKeys.create(SHOP, KEY)
  world.settle()
  world.server.close()
  const database = openDatabase(world.path)
  assert.is(migrate(database, schema, 0), 0)
  const server = new TablesServer(database, { clock, timers: world.timers, random: realRandom() })
  const outcomes: unknown[] = []
  let ask: (message: ToTables) => void = () => {}
  server.connect({
    send: (message) => void (message.type === 'outcomes' && outcomes.push(...message.outcomes)),
    receive: (handler) => {
      ask = handler
    },
    onClose() {},
    close() {},
  })
  ask({ requests: [{ call: 1, request: { name: 'apiKeys.create', args: SHOP, key: KEY } }] })
  world.settle()
  const reply = { ...(await first), replayed: true }
  assert.equal(outcomes, [{ call: 1, outcome: { type: 'answered', reply } }])
  server.close()
})

test('refuses at once what its queue cannot hold', async ({ world }) => {
  const listeners = Array.from({ length: 17 }, () => world.listener())
  const codes = listeners.flatMap(({ apiKeys }) =>
    Array.from({ length: tablesCallsInFlightMax }, () =>
      apiKeys.findByHash('x').then(
        () => 'answered',
        (error: TablesError) => error.code,
      ),
    ),
  )
  world.settle()
  const counts = new Map<string, number>()
  for (const code of await Promise.all(codes)) counts.set(code, (counts.get(code) ?? 0) + 1)
  assert.equal(Object.fromEntries(counts), { answered: 16_384, overloaded: 1_024 })
})

test.run()
