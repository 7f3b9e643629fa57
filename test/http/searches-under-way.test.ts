/** One caller cannot make all others wait for what costs a search most (FAULTS.md, 55; attack 42). */
import * as assert from 'uvu/assert'
import type { Rates } from '../../src/http/rate-limits.ts'
import { searchesOfCallerMax } from '../../src/limits/search.ts'
import { suite } from '../support/suite.ts'
import { limits } from './fake-limits.ts'
import { type CallOptions, FakeClock, fakes } from './fake-parts.ts'

const PATHS = ['/v1/products/search?term=phone', '/v1/products/suggest?term=pho'] as const

const underWay = suite('searches that have no answer yet')

underWay('are so many of one address, and others are answered', async () => {
  const { ask, answerAll, begun } = world({ address: 100, customer: 100 })
  const from = '203.0.113.1'
  const waiting = Array.from({ length: searchesOfCallerMax }, (_, i) => ask(i, { from }))
  await begun(searchesOfCallerMax)
  for (const i of [0, 1]) {
    const refused = await ask(i, { from })
    assert.equal([refused.status, refused.body.code], [503, 'overloaded'])
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  }
  const others = [ask(0, { from: '203.0.113.2' }), ask(1, { from, as: 'ann' })]
  await begun(searchesOfCallerMax + others.length)
  answerAll()
  for (const reply of await Promise.all([...waiting, ...others])) assert.is(reply.status, 200)
  const again = ask(0, { from })
  await begun(searchesOfCallerMax + others.length + 1)
  answerAll()
  assert.is((await again).status, 200)
})

underWay('are as many as they like of keys, and of addresses where none is limited', async () => {
  for (const [rates, options] of [
    [{ address: 100 }, { as: 'staff' }],
    [{ address: 0 }, {}],
  ] as const) {
    const { ask, answerAll, begun } = world(rates)
    const waiting = Array.from({ length: 2 * searchesOfCallerMax }, (_, i) => ask(i, options))
    await begun(waiting.length)
    answerAll()
    for (const reply of await Promise.all(waiting)) assert.is(reply.status, 200)
  }
})

underWay.run()

/** A search that answers when it is told to. */
function world(rates: Partial<Rates>) {
  const clock = new FakeClock()
  const made = fakes({ ...limits(clock, { rates }), clock })
  const { call, search } = made
  let held = Promise.withResolvers<void>()
  const answer = search.answer
  search.answer = async (question) => {
    await held.promise
    return await answer(question)
  }
  return {
    ask: (i: number, options: CallOptions) => call('GET', PATHS[i % 2] ?? PATHS[0], options),
    answerAll() {
      held.resolve()
      held = Promise.withResolvers()
    },
    /** Resolves once so many have come to the search. */
    async begun(count: number) {
      for (let turn = 0; search.asked.length < count && turn < 1_000; turn++)
        await new Promise<void>((resolve) => void setImmediate(resolve))
      assert.is(search.asked.length, count)
    },
  }
}
