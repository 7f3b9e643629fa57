/** What is packed keeps nothing that only the dead had. */
import * as assert from 'uvu/assert'
import { ProductColumns } from '../../../src/search/embedded/product-columns.ts'
import { suite } from '../../support/suite.ts'
import { documentNamed } from '../catalog.ts'

const columns = suite('columns that are packed')

columns('have the kinds of the living, with their names, and no others', () => {
  const all = new ProductColumns()
  const lamp = { brand: 'Acme', categories: ['Home', 'Home > Lamps'], price: 30, rating: 4.5 }
  for (let i = 0; i < 100; i++) all.bury(all.add(documentNamed('desk', 'desk', { brand: `brand ${i}` })))
  all.add(documentNamed('lamp', 'lamp', lamp))
  all.add(documentNamed('bulb', 'bulb', lamp))
  assert.is(all.kinds.size, 101)
  const { kinds, kind, ofCategory, size } = all.packed()
  assert.equal([size, kinds.size, kinds.brands.size, kinds.categories.size], [2, 1, 1, 2])
  assert.equal([...kind.subarray(0, size)], [0, 0])
  assert.is(kinds.brands.nameOf(kinds.brand[0] as number), 'Acme')
  assert.is(kinds.categories.nameOf(kinds.category[0] as number), 'Home > Lamps')
  assert.equal([kinds.priceRange[0], kinds.ratingSteps[0]], [2, 4])
  assert.equal(
    ofCategory.map((list) => [...list.values.subarray(0, list.size)]),
    [
      [0, 1],
      [0, 1],
    ],
  )
})

columns.run()
