/** What of a request reaches a server (attack 42). */
import * as assert from 'uvu/assert'
import { pagesOf, queryWords, serverSearch, wordOrders } from '../../../src/search/typesense/query.ts'
import { suite } from '../../support/suite.ts'
import { EVERYTHING } from './asking.ts'

const NASTY = [
  '-iphone',
  '"exact phrase"',
  '*',
  '`` || in_stock:=true',
  'a` && price:>0 && b:=`c',
  ']) || (id:*',
  '\\`',
  '{}[]()<>!=&|,;:',
  '\u0000\u0002\u0003\n\r',
  "' OR 1=1 --",
  'ﬀ＊｀＂',
]

const test = suite('a search of Typesense')

test('has words of letters and digits alone, whatever is typed', () => {
  for (const term of NASTY) {
    const { q } = serverSearch('products', EVERYTHING, queryWords(term))
    assert.match(String(q), /^(?:\*|[\p{L}\p{N}]+(?: [\p{L}\p{N}]+)*)$/u, term)
    assert.ok(q !== '*' || queryWords(term).length === 0, term)
  }
})

test('has no character of a brand or category in its filter', () => {
  for (const value of NASTY) {
    const { filter_by: filter } = serverSearch(
      'products',
      { ...EVERYTHING, brand: value, category: value },
      [],
    )
    assert.match(String(filter), /^category_keys:=[0-9a-f]{32} && brand_key:=[0-9a-f]{32}$/, value)
  }
})

test('has numbers that the server can read, whatever they are', () => {
  for (const price of [0, 49.99, -1, 1e21, 1e308, -1e308, 0.000_1, Number.MAX_SAFE_INTEGER]) {
    const request = { ...EVERYTHING, minPrice: price, maxPrice: price, minRating: 3.5, inStock: true }
    const filter = String(serverSearch('products', request, []).filter_by)
    assert.match(
      filter,
      /^price:>=-?\d{1,16} && price:<=-?\d{1,16} && rating:>=3\.50 && in_stock:=true$/,
      String(price),
    )
  }
})

test('lets each of the last words be the one that has only begun, one after the other', () => {
  assert.equal(wordOrders(['a', 'b', 'c']), [
    ['a', 'b', 'c'],
    ['b', 'c', 'a'],
    ['a', 'c', 'b'],
  ])
  assert.equal(wordOrders(['a']), [['a']])
  assert.equal(wordOrders([]), [[]])
  assert.is(wordOrders(Array.from({ length: 16 }, (_, i) => `w${i}`)).length, 5)
})

test('asks for two pages where what is wanted lies on two', () => {
  assert.equal(pagesOf({ offset: 0, limit: 20 }), [1])
  assert.equal(pagesOf({ offset: 40, limit: 20 }), [3])
  assert.equal(pagesOf({ offset: 41, limit: 20 }), [3, 4])
})

test.run()
