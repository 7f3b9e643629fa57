import * as assert from 'uvu/assert'
import { categoriesAbove, categoryPath, pathOfLevels } from '../../src/domain/category-path.ts'
import { suite } from '../support/suite.ts'

const path = suite('a category')

path('is a name, or names from the widest to the narrowest, however it is spaced', () => {
  assert.is(categoryPath('Phones'), 'Phones')
  assert.is(categoryPath(' Phones>Android  >  Used '), 'Phones > Android > Used')
  assert.is(pathOfLevels(['Phones', ' Android ']), 'Phones > Android')
  assert.is(pathOfLevels(['Phones > Android', 'Used']), 'Phones > Android > Used')
})

path('has no empty level, and neither too many nor too long ones', () => {
  for (const text of [
    '',
    ' ',
    '>',
    'Phones >',
    '> Phones',
    'A > > B',
    'A>B>C>D>E>F>G>H>I',
    'x'.repeat(301),
  ]) {
    assert.is(categoryPath(text), undefined, text)
  }
  assert.is(pathOfLevels([]), undefined)
  assert.is(categoryPath('A>B>C>D>E>F>G>H'), 'A > B > C > D > E > F > G > H')
  assert.is(categoryPath('x'.repeat(300))?.length, 300)
})

path('lies in all that its path names', () => {
  assert.equal(categoriesAbove('A > B > C'), ['A', 'A > B', 'A > B > C'])
  assert.equal(categoriesAbove('A'), ['A'])
})

path.run()
