import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { freshDirectory, removeDirectory, startEngine, tradeOn } from './running-engine.ts'

const test = suite('the journal commands beside a running engine', { limitMs: 120_000 })

test('find nothing wrong while it writes and rolls its segments, nor after it ended', async () => {
  const root = freshDirectory()
  const running = await startEngine(root, { segmentBytes: 64 * 1_024 })
  let isTrading = true
  const trade = (async () => {
    while (isTrading) await tradeOn(running, { products: 40, holds: 2_000 })
  })()
  try {
    for (let i = 0; i < 4; i++) {
      const verified = await journal(['verify', '--json', '--data', root])
      assert.is(verified.code, 0, verified.out + verified.err)
      assert.ok(JSON.parse(verified.out).isLive)
      const others = await Promise.all(
        [
          ['replay', '--json'],
          ['stats', '--json'],
          ['tail', '-n', '5'],
        ].map((args) => journal([...args, '--data', root])),
      )
      for (const { code, out, err } of others) assert.is(code, 0, out.slice(-2_000) + err)
    }
  } finally {
    isTrading = false
    await trade
    await running.stop()
  }
  const after = await journal(['verify', '--json', '--data', root])
  const audit = JSON.parse(after.out)
  assert.is(after.code, 0, after.out)
  assert.not(audit.isLive)
  assert.ok(audit.counts.segments > 4, 'segments were rolled')
  assert.is(audit.stock.onHand + audit.stock.sold, audit.stock.adjusted)

  const again = await startEngine(root, { workers: 1 })
  await tradeOn(again, { products: 40, holds: 100 })
  await again.stop()
  assert.is((await journal(['verify', '--data', root])).code, 0)
  assert.is((await journal(['replay', '--data', root])).code, 0)
  removeDirectory(root)
})

test.run()
