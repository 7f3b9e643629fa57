/**
 * Does everybody wanting the same product cost anything?
 *
 * 4,096 callers on one product, and the same callers over 10,000 products, in the same engine, one after the other;
 * which comes first changes from round to round. A reservation on the hot product goes the same way as in `spread`; all
 * of them meet in one actor of one shard.
 *
 * A row of a database or a lock would queue them. Here the limit is that one shard of eight has all the work, so frames
 * are gathered from smaller turns.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { endChecked } from '../support/durability.ts'
import { hotId, productIds } from '../support/ids.ts'
import { LocalEngine } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 3, turns: 2, loadMs: 1_500, warmUpMs: 1_000, products: 10_000 },
  quick: { rounds: 1, turns: 1, loadMs: 1_000, warmUpMs: 400, products: 10_000 },
  tiny: { rounds: 1, turns: 1, loadMs: 50, warmUpMs: 10, products: 100 },
} as const satisfies Record<Scale, object>

const CALLERS = 4_096

export const hotProduct: Figure = { name: 'hot-product', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('hot-product')
  const products = productIds(size.products)
  const values = { hot: [] as number[], spread: [] as number[] }
  for (let round = 1; round <= size.rounds; round++) {
    const directory = join(scratch, 'engine')
    const local = await LocalEngine.start(directory)
    await local.stock([...products, hotId])
    const callers = local.callers()
    await callers.run({ callers: CALLERS, products, forMs: size.warmUpMs })
    const { hot, spread } = await inRounds(size.turns, {
      hot: () => callers.run({ callers: CALLERS, products: [hotId], forMs: size.loadMs }),
      spread: () => callers.run({ callers: CALLERS, products, forMs: size.loadMs }),
    })
    values.hot.push(...hot)
    values.spread.push(...spread)
    await endChecked(local, callers)
    rmSync(directory, { recursive: true })
    say(`round ${round}: ${hot.map(thousands).join(', ')} hot; ${spread.map(thousands).join(', ')} spread`)
  }
  rmSync(scratch, { recursive: true })
  const row = makeRow({
    name: `durable reserves, one hot product, ${thousands(CALLERS)} callers`,
    unit: '/s',
    values: values.hot,
    limit: { name: `over ${thousands(size.products)} products`, values: values.spread },
    floor: 0.8,
    aim: 1,
  })
  return { rows: [row], plots: [], notes: [] }
}
