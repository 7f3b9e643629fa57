import * as assert from 'uvu/assert'
import { mapRecord } from '../../../src/shop/catalog/import-record.ts'
import { suite } from '../../support/suite.ts'

function mapped(record: object, currency?: string) {
  const { fields, warnings } = mapRecord(new Map(Object.entries(record)), { currency })
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  return { given, warned: warnings.map(({ path }) => path) }
}

const record = suite('a record from elsewhere')

record('has the usual names of others in our words', () => {
  const theirs = {
    sku: 4_984_700,
    name: ' Pixel  11\n',
    description: ' A phone. ',
    brand: 'Google',
    categories: ['Phones', 'Android'],
    price: '999.99',
    image: 'https://img.example/a.png',
    quantity: '5',
    popularity: 7,
  }
  assert.equal(mapped(theirs, 'usd'), {
    given: {
      productId: '4984700',
      title: 'Pixel 11',
      description: 'A phone.',
      brand: 'Google',
      category: 'Phones > Android',
      price: 999.99,
      currency: 'USD',
      images: ['https://img.example/a.png'],
      quantity: 5,
    },
    warned: ['popularity'],
  })
})

record('written in our own words is taken as it is', () => {
  const ours = {
    productId: 'p1',
    title: 'x',
    category: 'A > B',
    price: 5,
    currency: 'EUR',
    images: ['/images/a', 'https://b'],
    specifications: { a: 'b', n: 1, t: true },
  }
  const { given, warned } = mapped(ours, 'USD')
  assert.equal(given, { ...ours, specifications: { a: 'b', n: '1', t: 'true' } })
  assert.equal(warned, [])
})

record('with two names of one field has the first of ours, whichever comes first in the file', () => {
  for (const both of [
    { id: 'b', sku: 'a' },
    { sku: 'a', id: 'b' },
  ]) {
    const { given, warned } = mapped(both)
    assert.is(given.productId, 'a')
    assert.is(warned.length, 1)
  }
  assert.is(mapped({ Title: 'a', NAME: 'b', 'Product ID': 'c' }).given.productId, 'c')
})

record('has empty texts and nulls for nothing', () => {
  assert.equal(mapped({ id: '', brand: null, category: '', title: 'x', price: '' }).given, { title: 'x' })
})

record('has a category however its levels are told', () => {
  for (const category of ['A > B', 'A>B', 'A|B', ' A | B ', ['A', 'B'], ['A > B']])
    assert.is(mapped({ category }).given.category, 'A > B')
  assert.is(mapped({ category: [] }).given.category, undefined)
  // What is none is left for the schema to refuse.
  assert.is(mapped({ category: 'A||B' }).given.category, 'A >  > B')
  assert.equal(mapped({ category: [1] }).given.category, [1])
})

record('has specifications as an object, as text of one, or as columns', () => {
  assert.equal(
    mapped({ specifications: '{"a":"b"}', 'specifications.c': 'd', 'specifications.e': '' }).given,
    {
      specifications: { a: 'b', c: 'd' },
    },
  )
  assert.is(mapped({ specifications: 'none' }).given.specifications, 'none')
  const odd = mapped(JSON.parse('{"specifications":{"__proto__":"x","constructor":"y"}}'))
  assert.equal(Object.entries(odd.given.specifications as object), [['constructor', 'y']])
  assert.equal(odd.warned, ['specifications.__proto__'])
})

record('with numbers that are none keeps them as they came, to be refused', () => {
  for (const price of ['1,99', '1e3', '-1', 'free', '9'.repeat(20), {}]) {
    assert.equal(mapped({ price }).given.price, price)
  }
})

record('warns of few of many strange names, and shows no more than a bit of each', () => {
  const strange = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}${'x'.repeat(1_000)}`, 1]))
  const { warned } = mapped(strange)
  assert.is(warned.length, 20)
  assert.ok(warned.every((name) => name.length <= 64))
})

record('50: is mapped at once, however odd its texts', () => {
  const startedMs = performance.now()
  mapped({ title: ' '.repeat(60_000), price: '9'.repeat(60_000), category: '>'.repeat(60_000) })
  assert.ok(performance.now() - startedMs < 500)
})

record.run()
