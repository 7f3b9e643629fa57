import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { replayJournal } from '../../src/cli/replay.ts'
import { noProgress } from '../../src/cli/terminal.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { encodeSnapshot, readSnapshot } from '../../src/persistence/journal/snapshot.ts'
import { recoverAll } from '../storage/witness.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { namesIn, whileChanged } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const test = suite('replay')

test('comes to the same state as a start does, and to every snapshot byte for byte', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const replayed = replayJournal(openJournalFiles(shop.root), noProgress)
  assert.is(replayed.snapshots.length, 8)
  assert.equal(
    replayed.snapshots.filter(({ difference }) => difference !== undefined),
    [],
  )
  const started = recoverAll(shop.files, { useSnapshots: true })
  assert.ok(started.eventsReplayed < replayed.events)
  for (const { shard, sequence } of replayed.shards) {
    assert.is(sequence, (started.shards.get(shard)?.nextSequence ?? 0) - 1)
  }
  // Twice the same, byte for byte.
  assert.equal(replayJournal(openJournalFiles(shop.root), noProgress).shards, replayed.shards)
  await shop.remove()
})

test('finds a snapshot that differs in one counter, is of the future, or cannot be read', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const path = namesIn(shop.snapshots, /^s0001-/).at(-1) as string
  const differences = () =>
    replayJournal(openJournalFiles(shop.root), noProgress).snapshots.flatMap(
      ({ difference }) => difference ?? [],
    )
  const snapshot = readSnapshot(realDisk, path)
  for (const stock of snapshot.state.products.values()) stock.held += 1
  const [differing] = whileChanged(path, () => encodeSnapshot(snapshot), differences)
  assert.match(differing ?? '', /the replay makes \d+; they part at byte \d+/)
  const [unread] = whileChanged(path, (bytes) => bytes.fill(0, 40, 44), differences)
  assert.match(unread ?? '', 'it cannot be read: the checksum does not match')
  assert.equal(differences(), [])

  whileChanged(
    path,
    (bytes) => bytes.fill(0, 40, 44),
    () => void journal(['replay', '--data', shop.root]),
  )
  const future = realDisk.create(`${shop.snapshots}/s0001-0000000000099999.snapshot`)
  future.write(encodeSnapshot({ ...readSnapshot(realDisk, path), sequence: 99_999 }), 0)
  future.close()
  assert.match(differences()[0] ?? '', /ends at sequence \d+, before this snapshot/)
  const { code, out } = await journal(['replay', '--data', shop.root])
  assert.is(code, 1)
  assert.match(out, 'Different: 1 of 9 snapshots.')
  await shop.remove()
})

test('lists the products, the most sold first', async () => {
  const shop = await makeEventful({ products: 30 })
  const state = recoverAll(shop.files, { useSnapshots: false })
  const stocks = [...state.shards.values()].flatMap((shard) => [...shard.state.products.values()])
  const listed = JSON.parse((await journal(['replay', '--stock', '--json', '--data', shop.root])).out).stock
  assert.is(listed.length, 20)
  const bySold = stocks.toSorted((a, b) => b.sold - a.sold || (a.productId < b.productId ? -1 : 1))
  assert.equal(
    listed.map(({ productId }: { productId: string }) => productId),
    bySold.slice(0, 20).map(({ productId }) => productId),
  )
  for (const { onHand, held, earmarked, available } of listed) assert.is(available, onHand - held - earmarked)
  const { out } = await journal(['replay', '--stock', '--limit', '2', '--data', shop.root])
  assert.match(out, /product +version +on hand +held +put aside +available +sold\n/)
  assert.match(out, `… and ${stocks.length - 2} more (--limit)`)
  await shop.remove()
})

test('of a journal without events is good', async () => {
  const shop = new Workshop()
  const { code, out } = await journal(['replay', '--stock', '--data', shop.root])
  assert.is(code, 0)
  assert.match(out, 'There is no snapshot to compare with.')
  await shop.remove()
})

test.run()
