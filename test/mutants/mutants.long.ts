/** Every planted bug before its test: all are caught, or "nothing was found" means little. */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import type { Mutant } from './mutant.ts'
import { mutants } from './mutants.ts'
import { tryMutant, type Verdict } from './trial.ts'

const all = suite('all planted bugs', { limitMs: 1_800_000 })

all('are caught', async () => {
  const figure = new LongFigure('mutants')
  const verdicts: { readonly mutant: Mutant; readonly verdict: Verdict }[] = []
  for (const mutant of mutants) {
    verdicts.push({ mutant, verdict: await tryMutant(mutant) })
    figure.progress(() => `${verdicts.length} of ${mutants.length} tried`)
  }
  const caught = verdicts.filter(({ verdict }) => verdict.type === 'caught').length
  const missed = verdicts
    .filter(({ verdict }) => verdict.type !== 'caught')
    .map(({ mutant: { name }, verdict }) => ({ name, ...verdict }))
  figure.end({ command: 'npm run test:long -- mutants', planted: mutants.length, caught, missed })
  note(`${caught} of ${mutants.length} caught`)
  assert.equal(missed, [])
})

all.run()
