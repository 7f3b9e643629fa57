import * as assert from 'uvu/assert'
import { isProductId } from '../../../src/domain/ids.ts'
import { DerivedIds } from '../../../src/shop/catalog/derived-ids.ts'
import { suite } from '../../support/suite.ts'

const ids = suite('the id of a product that comes without one')

ids('follows from title and brand alone, whatever else is said, and stays the same for ever', () => {
  const of = (fields: object) => new DerivedIds().idOf({ ...fields }, 1)?.id
  const id = of({ title: 'Pixel 11', brand: 'Google', price: 5 })
  assert.is(id, 'p-a651d1e678f0f0298e7f35ac6749562f')
  assert.ok(isProductId(String(id)))
  assert.is(of({ title: 'PIXEL 11', brand: 'google', price: 6 }), id)
  assert.is.not(of({ title: 'Pixel 11' }), id)
  assert.is.not(of({ title: 'Pixel', brand: '11\nGoogle' }), of({ title: 'Pixel\n11', brand: 'Google' }))
  assert.is(of({ brand: 'Google' }), undefined)
})

ids('is numbered where one file has several that differ, and is not where they are the same', () => {
  const file = () => {
    const derived = new DerivedIds()
    return [5, 6, 5, 6, 7].map((price, i) => derived.idOf({ title: 'x', price }, i + 1))
  }
  const [first, ...others] = file()
  assert.equal(
    others.map((each) => each?.id),
    [`${first?.id}-2`, first?.id, `${first?.id}-2`, `${first?.id}-3`],
  )
  assert.equal(
    others.map((each) => each?.first),
    [1, 1, 1, 1],
  )
  assert.equal(file(), [first, ...others])
})

ids.run()
