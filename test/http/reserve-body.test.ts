import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { isUsual } from '../../src/http/reserve-body.ts'
import { reserveBody } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'

/** Mostly good, each part now and then replaced by anything. */
function mostly<T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  const anything: fc.Arbitrary<unknown> = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.constantFrom(
      'constructor',
      '__proto__',
      '',
      'a'.repeat(65),
      'search',
      '\ud800',
      'a\u0000',
      -0,
      2 ** 53,
    ),
  )
  return fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: anything })
}

const productId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
const line = fc.record({
  productId: mostly(productId),
  quantity: mostly(fc.integer({ min: 1, max: 1_000_000 })),
})
const extra = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 1 })
const body = fc
  .record(
    {
      items: mostly(fc.array(mostly(line), { maxLength: 3 })),
      ttlSeconds: mostly(fc.integer({ min: 1, max: 3_600 })),
      allowPartial: mostly(fc.boolean()),
      customerId: mostly(fc.stringMatching(/^[\x21-\x7e]{1,128}$/)),
      reference: mostly(fc.string({ minLength: 1, maxLength: 128 })),
    },
    { requiredKeys: [] },
  )
  .chain((fields) => fc.oneof({ weight: 8, arbitrary: fc.constant(fields) }, { weight: 1, arbitrary: extra }))

const usual = suite('the usual reservation')

usual('what is recognised by hand the schema accepts, and reads as the same', () => {
  let recognised = 0
  fc.assert(
    fc.property(body, (value) => {
      const sent: unknown = JSON.parse(JSON.stringify(value))
      if (!isUsual({ value: sent, members: membersOf(sent) })) return
      recognised += 1
      const parsed = reserveBody.safeParse(sent)
      assert.ok(parsed.success, JSON.stringify(sent))
      assert.equal(parsed.data, sent)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(recognised > 300, `only ${recognised} were recognised`)
})

usual('what the schema accepts is recognised, so that the fast way is the usual one', () => {
  fc.assert(
    fc.property(body, (value) => {
      const sent: unknown = JSON.parse(JSON.stringify(value))
      if (!reserveBody.safeParse(sent).success) return
      assert.ok(isUsual({ value: sent, members: membersOf(sent) }), JSON.stringify(sent))
    }),
    { numRuns: 3_000 },
  )
})

usual('a text with more members than its value goes to the schema', () => {
  const value = { items: [{ productId: 'a', quantity: 1 }] }
  assert.ok(isUsual({ value, members: 3 }))
  assert.not(isUsual({ value, members: 4 }))
})

usual.run()

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const within = Object.values(value).reduce((sum: number, member) => sum + membersOf(member), 0)
  return within + (Array.isArray(value) ? 0 : Object.keys(value).length)
}
