/** The sweeps see bugs: each that is planted is found by the one that is named for it. */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import { findingOf, planted } from './planted.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const all = suite('the sweeps of the disk', { limitMs: 3_500_000 })

all('find every planted bug', async () => {
  const figure = new LongFigure('storage-planted')
  const missed: string[] = []
  let tried = 0
  for (const one of planted) {
    const finding = await findingOf(one, seed)
    tried += 1
    if (finding === undefined) missed.push(one.mutant.name)
    figure.say(`${tried} of ${planted.length}: ${one.mutant.name}: ${finding?.split('\n')[0] ?? 'MISSED'}`)
  }
  const command = `TEST_SEED=${seed} npm run test:long -- storage/planted`
  figure.end({ command, seed, planted: planted.length, caught: planted.length - missed.length, missed })
  note(`TEST_SEED=${seed}: ${planted.length - missed.length} of ${planted.length} found`)
  assert.equal(missed, [])
})

all.run()
