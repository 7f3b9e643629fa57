import * as assert from 'uvu/assert'
import { sideBySide } from './side-by-side.ts'
import { suite } from './suite.ts'

const test = suite('work side by side')

test('is begun in order, so many at a time, each once', async () => {
  const begun: number[] = []
  let running = 0
  let most = 0
  await sideBySide(2, [1, 2, 3, 4, 5], async (item) => {
    begun.push(item)
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
  })
  assert.equal(begun, [1, 2, 3, 4, 5])
  assert.is(most, 2)
})

test('ends at the first failure: no more is begun, what is under way hears of it, and that failure is told', async () => {
  const begun: number[] = []
  let heard: unknown
  const all = sideBySide(2, [1, 2, 3, 4], async (item, goOn) => {
    begun.push(item)
    if (item === 1) throw new Error('the first')
    await new Promise((resolve) => setImmediate(resolve))
    try {
      goOn()
    } catch (error) {
      heard = error
      throw error
    }
  })
  const failure = await all.catch((error: unknown) => error)
  assert.equal(begun, [1, 2])
  assert.match(String(failure), 'the first')
  assert.match(String(heard), 'another one has failed')
})

test.run()
