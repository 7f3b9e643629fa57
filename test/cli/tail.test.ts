import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import type { Event } from '../../src/domain/events.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { type JournalEvent, JournalFollower } from '../../src/persistence/journal/journal-follower.ts'
import { suite } from '../support/suite.ts'
import { journal, startJournal } from './command.ts'
import { allEventsOf } from './files.ts'
import { freshDirectory, removeDirectory, startEngine, tradeOn } from './running-engine.ts'
import { makeEventful, Workshop } from './workshop.ts'

const names = (events: readonly JournalEvent[]): string[] =>
  events.map(({ shard, sequence }) => `s${shard}.${sequence}`)

const last = suite('tail')

last('shows the last events of all streams, in order, however many are asked for', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const all = names(allEventsOf(shop))
  for (const count of [0, 1, 10, 300, all.length, all.length + 5]) {
    const follower = new JournalFollower(openJournalFiles(shop.root))
    const shown = names(follower.begin(count))
    follower.close()
    assert.equal(shown, count === 0 ? [] : all.slice(-count), `the last ${count}`)
  }
  await shop.remove()
})

last('holds back what nothing proves, and shows it once a start has written it anew', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(6)
  await shop.crash()
  const all = names(allEventsOf(shop))
  const follower = new JournalFollower(openJournalFiles(shop.root))
  const before = names(follower.begin(1_000))
  assert.is(before.length + follower.heldBack, all.length)
  assert.ok(follower.heldBack > 0)
  assert.equal(before, all.slice(0, before.length))
  const held = await journal(['tail', '--data', shop.root])
  assert.match(held.err, `${follower.heldBack} events written, not proven durable, not shown`)

  await shop.start(1)
  await shop.rest()
  assert.equal(names(follower.poll()), all.slice(before.length))
  assert.is(follower.heldBack, 0)
  await shop.close()
  follower.close()
  await shop.remove()
})

last(
  'follows over rolled segments, seals, restarts and other numbers of workers, and misses nothing',
  async () => {
    const shop = new Workshop({ shards: 4, segmentBytes: 16 * 1_024 })
    await shop.start(1)
    const follower = new JournalFollower(openJournalFiles(shop.root))
    const seen = names(follower.begin(10))
    const poll = () => void seen.push(...names(follower.poll()))
    for (const workers of [2, 1, 3]) {
      for (let i = 0; i < 12; i++) {
        await shop.trade(3)
        poll()
      }
      await shop.rest()
      poll()
      if (workers === 1) await shop.crash()
      else await shop.close()
      poll()
      await shop.start(workers)
      poll()
    }
    await shop.trade(30)
    await shop.close()
    poll()
    follower.close()
    const all = names(allEventsOf(shop))
    assert.is(seen.length, all.length)
    assert.equal(new Set(seen), new Set(all))
    for (let shard = 0; shard < 4; shard++) {
      const own = seen
        .filter((name) => name.startsWith(`s${shard}.`))
        .map((name) => Number(name.split('.')[1]))
      assert.equal(
        own,
        own.toSorted((a, b) => a - b),
        `shard ${shard} in order`,
      )
    }
    await shop.remove()
  },
)

last('writes a line an event, and nothing in it that a terminal would obey', async () => {
  const shop = new Workshop({ shards: 1 })
  await shop.start(1)
  const reason = 'a \u001b[31mred\u202e word\nand more'
  const events: Event[] = [
    {
      type: 'StockAdjusted',
      productId: 'phone' as ProductId,
      version: 1,
      delta: 5,
      onHand: 5,
      reason,
      reference: undefined,
    },
    { type: 'SaleScheduled', productId: 'phone' as ProductId, version: 2, sale: { perCustomerLimit: 2 } },
    { type: 'ProductRetired', productId: 'phone' as ProductId, version: 3 },
  ]
  await shop.forge(0, events)
  await shop.close()
  const text = await journal(['tail', '--data', shop.root])
  assert.is(text.code, 0)
  assert.is(
    text.out.replaceAll(/^\S+Z/gm, 'T'),
    `T s0.1 StockAdjusted phone v1 delta=5 onHand=5 reason="a \\u001b[31mred\\u202e word\\nand more"
T s0.2 SaleScheduled phone v2 perCustomerLimit=2
T s0.3 ProductRetired phone v3
`,
  )
  const lines = (await journal(['tail', '--json', '-n', '2', '--data', shop.root])).out.trimEnd().split('\n')
  assert.equal(
    lines.map((line) => JSON.parse(line).type),
    ['SaleScheduled', 'ProductRetired'],
  )
  await shop.remove()
})

last.run()

const following = suite('tail -f', { limitMs: 60_000 })

following('shows what a running engine does, over a restart, until Ctrl-C', async () => {
  const root = freshDirectory()
  const first = await startEngine(root)
  const tail = startJournal(['tail', '-f', '--json', '-n', '1000', '--data', root])
  await tradeOn(first, { products: 8, holds: 300 })
  assert.is((await tail.lines(458)).length, 458)
  await first.stop()
  const second = await startEngine(root, { workers: 1 })
  await tradeOn(second, { products: 8, holds: 100 })
  const lines = await tail.lines(458 + 158)
  const bySequence = Map.groupBy(
    lines.map((line) => JSON.parse(line)),
    ({ shard }) => shard,
  )
  for (const events of bySequence.values()) {
    events.forEach(({ sequence }, i) => void assert.is(sequence, i + 1))
  }
  tail.child.kill('SIGINT')
  await tail.ended
  assert.is(tail.child.exitCode, 0)
  assert.is(tail.err(), '')
  await second.stop()
  removeDirectory(root)
})

following('ends when whoever read it is gone', async () => {
  const root = freshDirectory()
  const running = await startEngine(root)
  const tail = startJournal(['tail', '-f', '--data', root])
  await tradeOn(running, { products: 2, holds: 10 })
  await tail.lines(1)
  tail.child.stdout?.destroy()
  await tradeOn(running, { products: 2, holds: 10 })
  await tail.ended
  assert.is(tail.child.exitCode, 0)
  assert.is(tail.err(), '')
  await running.stop()
  removeDirectory(root)
})

following.run()
