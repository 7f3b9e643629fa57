/** Searches share their arrays: none finds anything that another one has left there. */
import * as assert from 'uvu/assert'
import { EmbeddedIndex } from '../../../src/search/embedded/embedded-index.ts'
import type { SearchRequest } from '../../../src/search/search-index.ts'
import { suite } from '../../support/suite.ts'
import { documentNamed, EVERYTHING } from '../catalog.ts'

/** More than what is given arrays of its own. */
const EACH = 1_500

async function manyPhones(): Promise<EmbeddedIndex> {
  const index = new EmbeddedIndex()
  const documents = Array.from({ length: 2 * EACH }, (_, i) =>
    documentNamed(`p-${i}`, i % 2 === 0 ? `iphone case${i}` : `i phone charger${i}`, { price: i }),
  )
  await index.put(documents)
  return index
}

const scratch = suite('shared arrays')

scratch('readings of one search do not write over each other', async () => {
  const index = await manyPhones()
  const { total } = await index.search({ ...EVERYTHING, term: 'i phone' })
  assert.is(total, 2 * EACH, 'the one half as it is written, and the other half joined')
})

scratch('answers do not depend on what was asked before', async () => {
  const requests: readonly SearchRequest[] = [
    { ...EVERYTHING, term: 'i phone' },
    EVERYTHING,
    { ...EVERYTHING, term: 'ca', sort: 'price-desc' },
    { ...EVERYTHING, term: 'iphone', maxPrice: EACH },
    { ...EVERYTHING, term: 'phone chrager7' },
    { ...EVERYTHING, term: 'nothing of the kind' },
    { ...EVERYTHING, term: 'phone', sort: 'price-asc', offset: 40 },
  ]
  const forth = await manyPhones()
  const back = await manyPhones()
  const answers = new Map<SearchRequest, unknown>()
  for (const request of requests) answers.set(request, await forth.search(request))
  for (const request of requests.toReversed()) assert.equal(await back.search(request), answers.get(request))
})

scratch.run()
