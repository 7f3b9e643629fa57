/** What of a request reaches a server (attack 42). */
import * as assert from 'uvu/assert'
import { pagesOf, queryWords, readingsOf, serverSearch } from '../../../src/search/typesense/query.ts'
import { slipsOf } from '../../../src/search/typesense/slips.ts'
import { suite } from '../../support/suite.ts'
import { EVERYTHING } from '../catalog.ts'

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

test('reads words that find nothing as begun, as slips of others, and as others by a slip', () => {
  const known = new Set(['blue', 'red', 'of'])
  const readings = readingsOf(['lamo', 'blue', 'shde', 'red'], (word) => known.has(word))
  assert.equal(
    readings.map(({ words, oneOf }) => [words.join(' '), oneOf.length]),
    [
      ['blue red lamo shde', 0],
      ['blue red shde lamo', 0],
      ['blue red', 2],
      ['red', 3],
      ['blue', 3],
    ],
  )
  assert.equal(
    readingsOf(['red', 'lmp'], (word) => known.has(word)).map(({ words }) => words),
    [['red', 'lmp']],
  )
  assert.is(
    readingsOf(
      Array.from({ length: 16 }, (_, i) => `word${i}`),
      () => true,
    ).length,
    12,
  )
})

test('knows every word that is one slip away', () => {
  const slips = slipsOf('lamp')
  for (const word of [
    'amp',
    'alamp',
    'almp',
    'lam',
    'lamps',
    'lmap',
    'lump',
    'lampp',
    'wlamp',
    'limp',
    'lapm',
  ])
    assert.ok(slips.has(word), word)
  for (const word of ['lamp', 'plam', 'lm', 'lamb2', 'clamps']) assert.not(slips.has(word), word)
  assert.ok(slipsOf('лампа').has('лама') && slipsOf('лампа').has('рампа'))
  assert.ok(slipsOf('日本').has('日'))
  for (const each of slipsOf('usb3')) assert.match(each, /^[a-z0-9]+$/)
})

test('asks for two pages where what is wanted lies on two', () => {
  assert.equal(pagesOf({ offset: 0, limit: 20 }), [1])
  assert.equal(pagesOf({ offset: 40, limit: 20 }), [3])
  assert.equal(pagesOf({ offset: 41, limit: 20 }), [3, 4])
})

test.run()
