/** As `flips.test.ts`, each bit of each byte of a sealed row, and more of the rest of the file. */
import * as assert from 'uvu/assert'
import { randomFrom } from '../../../support/load-client.ts'
import { LongFigure } from '../../../support/long-figure.ts'
import { note, suite } from '../../../support/suite.ts'
import { type Fate, type Flip, Flips } from './flips.ts'
import { SmallShop } from './small-shop.ts'

const seed = Number(process.env.TEST_SEED ?? 3_700)
const others = 20_000
const test = suite('every bit of sealed rows', { limitMs: 3_600_000 })

test('is noticed, or changes nothing that is read', () => {
  const shop = new SmallShop()
  const file = new Flips(shop.image())
  shop.close()
  const figure = new LongFigure('table-flips')
  const random = randomFrom(seed)
  const fates: Record<Fate, number> = { unchanged: 0, read: 0, scrubbed: 0, silent: 0 }
  const silent: Flip[] = []
  const rows = file.rowBytes().flatMap((offset) => Array.from({ length: 8 }, (_, bit) => ({ offset, bit })))
  const rest = Array.from({ length: others }, () => ({
    offset: Math.floor(random() * file.size),
    bit: Math.floor(random() * 8),
  }))
  const flips = [...rows, ...rest]
  for (const [index, flip] of flips.entries()) {
    const fate = file.try(flip)
    fates[fate] += 1
    if (fate === 'silent') silent.push(flip)
    figure.progress(() => `${index} of ${flips.length} flips: ${JSON.stringify(fates)}`)
  }
  file.close()
  const command = `TEST_SEED=${seed} node test/support/run.ts --long test/persistence/tables/seals/flips.long.ts`
  figure.end({ command, flips: flips.length, fates, silent })
  note(JSON.stringify(fates))
  assert.equal(silent, [])
})

test.run()
