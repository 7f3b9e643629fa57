/** A board told piece by piece to another node is there what it is here, whatever changes meanwhile. */
import * as assert from 'uvu/assert'
import { ShardBoard, ShardBoardReader, type StockEntry } from '../../../src/actors/stock-board.ts'
import { BoardFeed } from '../../../src/cluster/relay/board-feed.ts'
import { BadFrame } from '../../../src/cluster/relay/node-words.ts'
import { RemoteBoard } from '../../../src/cluster/relay/remote-board.ts'
import type { ShardId } from '../../../src/domain/ids.ts'
import { relayBoardProducts } from '../../../src/limits/relay.ts'
import { Dice } from '../../support/dice.ts'
import { note, suite } from '../../support/suite.ts'

const SHARD = 2 as ShardId
const feeds = suite('the feed of a board')

function entry(number: number, version: number, fields: Partial<StockEntry> = {}): StockEntry {
  return {
    number,
    version,
    onHand: 100 + version,
    held: version % 7,
    earmarked: version % 5,
    sold: number,
    retired: false,
    sale: {},
    ...fields,
  }
}

function readerOf(board: ShardBoard | RemoteBoard): ShardBoardReader {
  const [memory] = [board.memory].flat()
  if (memory === undefined) throw new Error('the board is not shown')
  return new ShardBoardReader(memory)
}

function assertAlike(here: ShardBoardReader, there: ShardBoardReader): void {
  assert.is(there.products, here.products)
  for (let number = 0; number < here.products; number++) assert.equal(there.read(number), here.read(number))
}

feeds('tells a whole board in pieces, and shows it to nobody before', () => {
  const count = 2 * relayBoardProducts + 10
  const here = new ShardBoard(SHARD)
  here.show(Array.from({ length: count }, (_, number) => entry(number, 1)))
  const [feed, there] = [new BoardFeed(), new RemoteBoard(SHARD)]
  for (const piece of [1, 2, 3]) {
    assert.equal(there.memory, [])
    const { entries, isWhole } = feed.piece(readerOf(here))
    assert.is(isWhole, piece === 3)
    assert.is(there.show(entries, isWhole), isWhole, 'announced once it is whole')
  }
  assertAlike(readerOf(here), readerOf(there))
})

feeds('of nothing is whole at once', () => {
  const [feed, there] = [new BoardFeed(), new RemoteBoard(SHARD)]
  const { entries, isWhole } = feed.piece(readerOf(new ShardBoard(SHARD)))
  assert.ok(there.show(entries, isWhole))
  assert.is(readerOf(there).products, 0)
})

feeds('says all of a stock', () => {
  const here = new ShardBoard(SHARD)
  const sale = { opensAtMs: 1, closesAtMs: 2 ** 41, perCustomerLimit: 3, holdTtlMs: 4, maxPerReservation: 5 }
  here.show([
    entry(0, 2 ** 33 + 5, { sold: 2 ** 40, sale }),
    entry(1, 1, { retired: true, onHand: 0, held: 0, earmarked: 3 }),
    entry(2, 1, { onHand: 5, held: 2, earmarked: 9 }),
  ])
  const [feed, there] = [new BoardFeed(), new RemoteBoard(SHARD)]
  const { entries, isWhole } = feed.piece(readerOf(here))
  there.show(entries, isWhole)
  assertAlike(readerOf(here), readerOf(there))
})

feeds('with everything changing is never behind what rests on it', () => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  note(`TEST_SEED=${seed}`)
  const dice = new Dice(seed)
  const here = new ShardBoard(SHARD)
  const [feed, there] = [new BoardFeed(), new RemoteBoard(SHARD)]
  const versions: number[] = Array.from({ length: relayBoardProducts }, () => 1)
  const change = () => {
    const number = dice.hits(0.3) ? versions.length : dice.between(0, versions.length - 1)
    versions[number] = (versions[number] ?? 0) + 1
    here.show([entry(number, versions[number] as number)])
    feed.note([number])
    return number
  }
  here.show(versions.map((version, number) => entry(number, version)))
  for (let step = 0; step < 6_000; step++) {
    if (!feed.isWhole && step % 1_000 === 999) {
      const { entries, isWhole } = feed.piece(readerOf(here))
      there.show(entries, isWhole)
      continue
    }
    const number = change()
    const news = feed.news(readerOf(here))
    if (news !== undefined) there.show(news.entries, news.isWhole)
    if (feed.isWhole) assert.is(readerOf(there).read(number)?.version, versions[number])
  }
  assert.ok(feed.isWhole)
  assertAlike(readerOf(here), readerOf(there))
})

feeds('that leaves something out, or ends in the middle, is believed by nobody', () => {
  const here = new ShardBoard(SHARD)
  here.show([0, 1, 2].map((number) => entry(number, 1)))
  const { entries } = new BoardFeed().piece(readerOf(here))
  const isBad = (error: unknown) => error instanceof BadFrame
  assert.throws(() => new RemoteBoard(SHARD).show(entries.slice(8), true), isBad)
  assert.throws(() => new RemoteBoard(SHARD).show(entries.slice(0, 9), true), isBad)
})

feeds.run()
