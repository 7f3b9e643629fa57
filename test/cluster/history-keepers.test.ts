/** Which nodes keep a history: the two that have been there longest, and the same two whoever asks. */
import * as assert from 'uvu/assert'
import { historyKeepers } from '../../src/cluster/history-keepers.ts'
import { suite } from '../support/suite.ts'

const member = (id: string, startedAtMs: number, isLeaving = false) => {
  return { id, startedAtMs, isLeaving, address: `${id}:7000` }
}

const keepers = suite('of the nodes that there are')

keepers('the two that started first keep a history, in whatever order they are heard of', () => {
  const [a, b, c, d] = [member('a', 30), member('b', 10), member('c', 20), member('d', 40)] as const
  assert.equal(historyKeepers([a, b, c, d]), ['b', 'c'])
  assert.equal(historyKeepers([d, c, b, a]), ['b', 'c'])
  assert.equal(historyKeepers([a]), ['a'])
  assert.equal(historyKeepers([]), [])
})

keepers('of those that started at once, the first by id', () => {
  assert.equal(historyKeepers([member('c', 1), member('a', 1), member('b', 1)]), ['a', 'b'])
})

keepers('one that stays is never replaced by one that comes, whoever goes', () => {
  const all = Array.from({ length: 6 }, (_, i) => member(`n${i}`, i))
  for (const gone of all) {
    const before = historyKeepers(all)
    const after = historyKeepers(all.filter((one) => one !== gone))
    assert.ok(
      before.filter((id) => id !== gone.id).every((id) => after.includes(id)),
      `without ${gone.id}`,
    )
    assert.equal(historyKeepers([...all, member('new', 7)]), before)
  }
})

keepers('one that is about to go keeps none any more, unless all are', () => {
  assert.equal(historyKeepers([member('a', 1, true), member('b', 2), member('c', 3)]), ['b', 'c'])
  assert.equal(historyKeepers([member('a', 1, true), member('b', 2)]), ['b'])
  assert.equal(historyKeepers([member('a', 1, true), member('b', 2, true), member('c', 3, true)]), ['a', 'b'])
})

keepers('one that was killed and has a successor at its address keeps none, though it is listed yet', () => {
  const killed = [member('a', 1), member('b', 2)]
  const started = killed.map(({ address }, i) => ({ ...member(`new ${i}`, 10 + i), address }))
  assert.equal(historyKeepers([...killed, ...started]), ['new 0', 'new 1'])
  assert.equal(historyKeepers([...killed, member('c', 3), ...started.slice(0, 1)]), ['b', 'c'])
})

keepers.run()
