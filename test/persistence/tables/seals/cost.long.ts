/**
 * What seals cost: the writes of a shopper's way, from the cart to the confirmed order, many shoppers at a time, on two files
 * of one process by turns, of which one has views and triggers that do nothing. Both share every other condition.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId, ReservationId } from '../../../../src/domain/ids.ts'
import type { CurrencyCode } from '../../../../src/domain/money.ts'
import { openDatabase } from '../../../../src/persistence/tables/database.ts'
import { migrate } from '../../../../src/persistence/tables/migrations.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { readSealedTables } from '../../../../src/persistence/tables/seals/sealed-table.ts'
import { TablesClient } from '../../../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../../../src/persistence/tables/tables-server.ts'
import { realClock, realRandom, realTimers } from '../../../../src/seams.ts'
import { LongFigure } from '../../../support/long-figure.ts'
import { note, suite } from '../../../support/suite.ts'
import { Wire } from '../../../support/wire.ts'

const shoppersAtOnce = 32
const turns = 20
const shoppersPerTurn = 256
const leastRatio = 0.85
const PHONE = 'phone' as ProductId
const INR = 'INR' as CurrencyCode
const LATER_MS = 9_000_000_000_000

const test = suite('the cost of seals', { limitMs: 600_000 })

class Side {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-seal-cost-'))
  readonly database: Database
  readonly #tables: TablesClient
  readonly #server: TablesServer
  #shopper = 0
  writes = 0
  spentMs = 0
  cpuMs = 0

  constructor({ isSealed }: { readonly isSealed: boolean }) {
    this.database = openDatabase(join(this.#directory, 'tables.sqlite'))
    migrate(this.database, schema, 0)
    this.#server = new TablesServer(this.database, {
      clock: realClock,
      timers: realTimers,
      random: realRandom(),
    })
    if (!isSealed) this.#withoutSeals()
    this.#tables = new TablesClient({ timers: realTimers, onNotice: () => {} })
    const wire = new Wire<ToTables, FromTables>()
    this.#server.connect(wire.far)
    this.#tables.connect(wire.near)
  }

  async stock(): Promise<void> {
    const fields = {
      title: 'Phone',
      description: 'It rings.',
      brand: null,
      category: null,
      priceMinor: 5_000,
    }
    await this.#tables.write('catalog.create', {
      productId: PHONE,
      fields: { ...fields, currency: INR, images: [], specifications: [] },
    })
  }

  async turn(): Promise<void> {
    const startedMs = performance.now()
    const before = process.cpuUsage()
    let left = shoppersPerTurn
    const walk = async () => {
      while (left-- > 0) await this.#shop(this.#shopper++)
    }
    await Promise.all(Array.from({ length: shoppersAtOnce }, walk))
    this.spentMs += performance.now() - startedMs
    const { user, system } = process.cpuUsage(before)
    this.cpuMs += (user + system) / 1_000
  }

  close(): void {
    this.#tables.close()
    this.#server.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #shop(number: number): Promise<void> {
    const customerId = `usr_${number}` as CustomerId
    const tables = this.#tables
    const write: TablesClient['write'] = (name, args) => {
      this.writes += 1
      return tables.write(name, args)
    }
    await write('cart.add', { customerId, productId: PHONE, quantity: 1, quantityMax: 9 })
    const fingerprint = String(number).padStart(64, '0')
    const reservationId = `res_${number}` as ReservationId
    const begun = await write('checkouts.begin', { customerId, fingerprint, reservationId })
    const { orderId } = begun
    const line = { productId: PHONE, title: 'Phone', unitPriceMinor: 5_000, quantity: 1 }
    const money = { currency: INR, subtotalMinor: 5_000, discountMinor: 0, discountCode: undefined }
    const due = { expiresAtMs: LATER_MS, lookAtMs: LATER_MS }
    await write('orders.create', {
      ...{ orderId, customerId, cartId: undefined, fingerprint, reservationId },
      ...{ ...money, ...due, address: '{"city":"Pune"}', lines: [line] },
    })
    const payment = await write('payments.begin', { orderId, method: 'card', attemptsMax: 20, ...due })
    assert.is(payment.type, 'begun')
    const paid = { key: `${orderId}:1`, transactionId: `txn_${number}` }
    await write('payments.capture', paid)
    await write('payments.confirm', paid)
    const order = await tables.read('orders.find', { orderId })
    assert.is(order?.status, 'confirmed')
  }

  #withoutSeals(): void {
    for (const { name, columns } of readSealedTables(this.database)) {
      this.database.exec(`
        DROP TRIGGER temp.seal_inserted_${name};
        DROP TRIGGER temp.seal_updated_${name};
        DROP VIEW temp.checked_${name};
        CREATE TEMP VIEW checked_${name} AS SELECT ${columns.join(', ')} FROM main.${name};`)
    }
  }
}

test('leaves the shopper’s way more than 85 of 100 writes a second', async () => {
  const figure = new LongFigure('seal-cost')
  const sides = [new Side({ isSealed: true }), new Side({ isSealed: false })] as const
  for (const side of sides) await side.stock()
  const ratios: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    const [first, second] = turn % 2 === 0 ? sides : ([sides[1], sides[0]] as const)
    const before = [sides[0].spentMs, sides[1].spentMs] as const
    await first.turn()
    await second.turn()
    ratios.push((sides[1].spentMs - before[1]) / (sides[0].spentMs - before[0]))
    figure.progress(() => `turn ${turn + 1} of ${turns}: ${ratios.at(-1)?.toFixed(3)}`)
  }
  const [sealed, plain] = sides.map(({ writes, spentMs }) => Math.round((writes / spentMs) * 1_000))
  const median = ratios.sort((a, b) => a - b)[turns / 2] as number
  const cpu = sides[1].cpuMs / sides[0].cpuMs
  for (const side of sides) side.close()
  note(
    `${sealed} writes/s with seals, ${plain} without: median of the turns' ratios ${median.toFixed(3)}, of processor time ${cpu.toFixed(3)}`,
  )
  const command = 'node test/support/run.ts --long test/persistence/tables/seals/cost.long.ts'
  figure.end({ command, sealed, plain, median, cpu, turns, shoppersPerTurn, shoppersAtOnce })
  assert.ok(median > leastRatio, `${median}`)
})

test.run()
