/** FAULTS.md, D37: a bit flips in the tables' file. */
import * as assert from 'uvu/assert'
import { randomFrom } from '../../../support/load-client.ts'
import { note, suite } from '../../../support/suite.ts'
import { type Fate, Flips } from './flips.ts'
import { SmallShop } from './small-shop.ts'

const seed = Number(process.env.TEST_SEED ?? 37)
const others = 400
const test = suite('a bit of the tables’ file', { limitMs: 120_000 })

function flips(): Flips {
  const shop = new SmallShop()
  const made = new Flips(shop.image())
  shop.close()
  return made
}

test('in any byte of a sealed row or its indexes is noticed, or changes nothing that is read', () => {
  const file = flips()
  const random = randomFrom(seed)
  const fates: Record<Fate, number> = { unchanged: 0, read: 0, scrubbed: 0, silent: 0 }
  const silent: string[] = []
  const bytes = file.rowBytes()
  for (const offset of bytes) {
    const bit = Math.floor(random() * 8)
    const fate = file.try({ offset, bit })
    fates[fate] += 1
    if (fate === 'silent') silent.push(`byte ${offset}, bit ${bit}`)
  }
  file.close()
  note(`${bytes.length} bytes: ${JSON.stringify(fates)}; TEST_SEED=${seed}`)
  assert.ok(bytes.length > 5_000)
  assert.ok(fates.read > bytes.length / 2, 'most of it on read')
  assert.equal(silent, [])
})

test('anywhere else never changes what is read of sealed rows, unnoticed', () => {
  const file = flips()
  const random = randomFrom(seed + 1)
  const silent: string[] = []
  for (let n = 0; n < others; n++) {
    const flip = { offset: Math.floor(random() * file.size), bit: Math.floor(random() * 8) }
    if (file.try(flip) === 'silent') silent.push(JSON.stringify(flip))
  }
  file.close()
  assert.equal(silent, [])
})

test.run()
