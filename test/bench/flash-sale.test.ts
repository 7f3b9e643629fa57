/** The bench as people run it, in its short mode: what it prints is worth nothing if its verdict is not. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const BENCH = join(import.meta.dirname, '..', '..', 'bench', 'flash-sale.ts')
const CATALOG = [
  { name: 'Téléphone “Éclair” 5G', price: 499.99, popularity: 7 },
  { name: 'Lamp', price: 12.5, popularity: 3 },
  { name: 'Lamp', price: 14.5, popularity: 21_449 },
  { name: '電話', price: 99 },
  { name: 'A kettle, 1.7 l', price: 39.99, popularity: 12 },
]

type Result = {
  readonly few: { readonly answers: Readonly<Record<string, number>> }
  readonly many: { readonly answers: Readonly<Record<string, number>>; readonly press: Latency }
  readonly steady: { readonly during: Latency }
  readonly verdict: { readonly passed: boolean; readonly oversold: number; readonly checks: readonly Check[] }
}
type Latency = { readonly count: number; readonly p50: number; readonly p99: number }
type Check = { readonly what: string; readonly passed: boolean; readonly seen: string }

const test = suite('the flash-sale bench', { limitMs: 90_000 })

test('sells a real catalog’s hottest products to the last unit and no further, by the journal’s account', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flash-sale-'))
  try {
    const products = join(directory, 'products.jsonl')
    const json = join(directory, 'result.json')
    writeLines(products, CATALOG)
    const { stdout } = await promisify(execFile)(process.execPath, [
      BENCH,
      '--quick',
      '--products',
      products,
      '--json',
      json,
    ])
    const { few, many, steady, verdict } = JSON.parse(readFileSync(json, 'utf8')) as Result

    assert.match(stdout, /^PASS: oversold = 0$/m)
    assert.equal(
      verdict.checks.filter(({ passed }) => !passed),
      [],
    )
    assert.is(verdict.oversold, 0)
    assert.ok(verdict.checks.some(({ what }) => what === 'lamp-3: exactly 100 sold'))
    assert.ok(verdict.checks.some(({ what }) => what === 'a-kettle-1-7-l-5: exactly 5 sold'))
    // Every buyer presses twice: one press of each winner meets the limit, all others find nothing left.
    assert.equal(few.answers, { 201: 5, '409 per-customer-limit': 5, '409 out-of-stock': 390 })
    assert.equal(many.answers, { 201: 100, '409 per-customer-limit': 100, '409 out-of-stock': 3_800 })
    assert.is(many.press.count, 4_000)
    assert.ok(many.press.p50 > 0 && many.press.p50 <= many.press.p99)
    assert.ok(steady.during.count > 0, 'the rest of the catalog sells meanwhile')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()

function writeLines(path: string, entries: readonly object[]): void {
  writeFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
}
