import * as assert from 'uvu/assert'
import { PoisonList } from '../../src/actors/poison-list.ts'
import { poisonRememberedMax, poisonTriesMax } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'

const poison = suite('a command that ends its worker')

poison('is let through some times, and then not any more', () => {
  const list = new PoisonList()
  for (let time = 1; time < poisonTriesMax; time++) assert.not(list.note('a'))
  assert.equal(list.quarantined, [])
  assert.ok(list.note('a'))
  assert.equal(list.quarantined, ['a'])
})

poison('is not let through where another node has refused it', () => {
  const list = new PoisonList()
  list.note('a')
  list.add('b')
  assert.equal(list.quarantined, ['b'])
  assert.ok(list.note('b'))
})

poison('is forgotten for newer ones, the oldest first', () => {
  const list = new PoisonList()
  list.add('first')
  for (let n = 0; n < poisonRememberedMax; n++) list.add(`later-${n}`)
  assert.is(list.quarantined.length, poisonRememberedMax)
  assert.not(list.quarantined.includes('first'))
})

poison.run()
