import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { withMaintenance } from '../../src/cli/maintenance.ts'
import { lockDirectory, openDataDirectory } from '../../src/persistence/directory.ts'
import { suite } from '../support/suite.ts'
import { makeArchivable } from './archivable.ts'
import { journal, startJournal } from './command.ts'
import { freshDirectory, removeDirectory, startEngine, tradeOn } from './running-engine.ts'

const test = suite('archive beside a running engine', { limitMs: 120_000 })

test('moves finished segments while it writes, and whoever reads meanwhile finds nothing wrong', async () => {
  const root = freshDirectory()
  const to = mkdtempSync(join(tmpdir(), 'holdfast-archive-'))
  const running = await startEngine(root, { segmentBytes: 64 * 1_024 })
  let isTrading = true
  const trade = (async () => {
    while (isTrading) await tradeOn(running, { products: 40, holds: 2_000 })
  })()
  const tail = startJournal(['tail', '-f', '-n', '0', '--json', '--data', root])
  const moved = new Set<string>()
  let runs = 0
  try {
    while (runs < 3) {
      const [archived, ...others] = await Promise.all(
        [
          ['archive', '--to', to, '--json'],
          ['verify', '--json'],
          ['replay', '--json'],
          ['stock', 'product-1', '--json'],
          ['export', '--out', join(root, 'events.jsonl')],
        ].map((args) => journal([...args, '--data', root])),
      )
      assert.is(archived?.code, 0, `${archived?.out}${archived?.err}`)
      for (const { code, out, err } of others) assert.is(code, 0, out.slice(-2_000) + err)
      const { files } = JSON.parse(archived?.out as string) as { files: string[] }
      for (const file of files) moved.add(file)
      if (files.length > 0) runs += 1
    }
  } finally {
    isTrading = false
    await trade
    await running.stop()
  }
  assert.equal(
    readdirSync(to)
      .filter((name) => name !== 'archived.jsonl')
      .sort(),
    [...moved].sort(),
  )
  const again = await startEngine(root, { workers: 1 })
  await tradeOn(again, { products: 40, holds: 100 })
  await again.stop()
  for (const args of [['verify'], ['replay'], ['verify', '--archive', to], ['replay', '--archive', to]]) {
    const { code, out, err } = await journal([...args, '--data', root])
    assert.is(code, 0, `${args.join(' ')}: ${out}${err}`)
  }
  const { out } = await journal(['export', '--archive', to, '--data', root])
  const last = new Map<number, number>()
  for (const line of out.trimEnd().split('\n')) {
    const { shard, sequence } = JSON.parse(line)
    assert.is(sequence, (last.get(shard) ?? 0) + 1)
    last.set(shard, sequence)
  }
  const lines = tail.out().trimEnd().split('\n')
  tail.child.kill('SIGINT')
  await tail.ended
  assert.is(tail.err(), '')
  assert.ok(lines.length > 1_000, 'the tail went on')
  removeDirectory(root)
  removeDirectory(to)
})

test('keeps an engine from starting meanwhile, and another command from changing anything', async () => {
  const shop = await makeArchivable({ frames: 8 })
  const held = lockDirectory(shop.root, 'maintenance')
  const refused = await journal(['archive', '--to', join(shop.root, 'old'), '--data', shop.root])
  assert.is(refused.code, 3)
  assert.match(refused.err, `Another archive or repair is at work on ${shop.root}.`)
  held.close()
  assert.is((await journal(['archive', '--to', join(shop.root, 'old'), '--data', shop.root])).code, 0)
  await withMaintenance(openJournalFiles(shop.root), (isLive) => {
    assert.not(isLive)
    assert.throws(() => openDataDirectory(shop.root, { shards: 4 }), /Another process has the data directory/)
  })
  openDataDirectory(shop.root, { shards: 4 }).close()
  await shop.remove()
})

test.run()
