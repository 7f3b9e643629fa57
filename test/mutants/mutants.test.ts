/**
 * The list of planted bugs fits the engine as it is, and a few of them are tried; mutants.long.ts tries them all. Which ones
 * follows from a seed, which is printed; `TEST_SEED=<it> npm test -- mutants` tries the same again.
 */
import { stripTypeScriptTypes } from 'node:module'
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { planted } from './mutant.ts'
import { mutants } from './mutants.ts'
import { tryMutant } from './trial.ts'

const TRIED = 3
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const PRIVATE_NAME = /#[a-z]\w*/gi

const list = suite('the list of planted bugs')

list('is long, and names each bug once', () => {
  assert.ok(mutants.length >= 30, `${mutants.length}`)
  assert.is(new Set(mutants.map(({ name }) => name)).size, mutants.length)
})

for (const mutant of mutants) {
  list(`can be planted: ${mutant.name}`, () => {
    assert.is.not(mutant.find, mutant.replace)
    const source = planted(mutant)
    stripTypeScriptTypes(source)
    // Stripping does not look at these, and a module that names one it has not declared does not load.
    for (const [name] of mutant.replace.matchAll(PRIVATE_NAME))
      assert.ok(source.split(name).length > mutant.replace.split(name).length, `${name} is declared`)
  })
}

list('is refused where it no longer fits', () => {
  const [mutant] = mutants
  assert.ok(mutant)
  assert.throws(() => planted({ ...mutant, find: 'what nobody wrote' }), /occurs 0 times/)
  assert.throws(() => planted({ ...mutant, find: '\n' }), /occurs \d\d+ times/)
})

list.run()

const catches = suite('a planted bug', { limitMs: 120_000 })

catches('is caught by its test', async () => {
  note(`TEST_SEED=${seed}`)
  for (let n = 0; n < TRIED; n++) {
    const mutant = mutants[(seed + n * 17) % mutants.length]
    assert.ok(mutant)
    note(mutant.name)
    const verdict = await tryMutant(mutant)
    assert.is(verdict.type, 'caught', `${mutant.name}: ${verdict.type === 'void' ? verdict.why : ''}`)
  }
})

catches('that changes nothing is not caught, and one that does not even run is void', async () => {
  const mutant = mutants.find(({ file }) => file === 'src/domain/admit.ts')
  assert.ok(mutant)
  assert.equal(await tryMutant({ ...mutant, replace: mutant.find }), { type: 'survived' })
  for (const replace of ['if (unknown) {', 'if (quantity) {{']) {
    assert.is((await tryMutant({ ...mutant, replace })).type, 'void', replace)
  }
})

catches.run()
