import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { History } from './history.ts'

const test = suite('a history in the making')

test('counts invocations and answers as they come, and leaves out what had no effect', () => {
  const history = new History<string>()
  const first = history.invoke(0, 'first')
  const second = history.invoke(1, 'second')
  const third = history.invoke(2, 'third')
  history.answered(second, 'yes')
  history.failed(third)
  const fourth = history.invoke(1, 'fourth')
  history.answered(fourth, 'no')
  assert.equal(history.operations, [
    { client: 0, input: 'first', invokedAt: 1 },
    { client: 1, input: 'second', invokedAt: 2, answer: { at: 4, output: 'yes' } },
    { client: 1, input: 'fourth', invokedAt: 5, answer: { at: 6, output: 'no' } },
  ])
  assert.is(history.invokedCount, 4)
  assert.throws(() => history.answered(second, 'again'), /is over/)
  history.answered(first, 'late')
  assert.equal(history.operations[0]?.answer, { at: 7, output: 'late' })
})

test('says when so much was invoked', async () => {
  const history = new History<string>()
  const reached: number[] = []
  const waiting = [1, 2].map((count) => history.reaches(count).then(() => reached.push(count)))
  history.invoke(0, 'first')
  await waiting[0]
  assert.equal(reached, [1])
  history.invoke(0, 'second')
  await Promise.all(waiting)
  assert.equal(reached, [1, 2])
  await history.reaches(1)
})

test.run()
