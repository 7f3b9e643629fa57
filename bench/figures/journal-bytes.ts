/**
 * How many bytes does a reservation take in the journal?
 *
 * All bytes of all frames, headers, openings and seals included, over the reservations made while 4,096 callers ask: big
 * frames spread their headers over many. Product and customer have ids of 8 characters; no key, no reference, the
 * default time to live.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { productIds } from '../support/ids.ts'
import { LocalEngine } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 3, loadMs: 1_000, products: 10_000 },
  quick: { rounds: 1, loadMs: 500, products: 10_000 },
  tiny: { rounds: 1, loadMs: 50, products: 100 },
} as const satisfies Record<Scale, object>

const CALLERS = 4_096

export const journalBytes: Figure = { name: 'journal-bytes', measure }

async function measure(scale: Scale): Promise<Measured> {
  const { rounds, loadMs, products: count } = SIZES[scale]
  const scratch = makeScratch('journal-bytes')
  const products = productIds(count)
  const values: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const local = await LocalEngine.start(join(scratch, String(round)))
    await local.stock(products)
    const before = await local.journal()
    await local.callers().run({ callers: CALLERS, products, forMs: loadMs })
    const after = await local.journal()
    await local.end()
    values.push((after.bytes - before.bytes) / (after.events - before.events))
  }
  rmSync(scratch, { recursive: true })
  const name = `journal bytes a reserve, ${thousands(CALLERS)} callers`
  return { rows: [makeRow({ name, unit: 'bytes', values, floor: 120, aim: 64 })], plots: [], notes: [] }
}
