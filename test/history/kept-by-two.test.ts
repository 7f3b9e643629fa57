/** Histories of several nodes, of which some are kept: whichever node is asked, the answer is the same. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { HistoryWay, unreachable } from '../../src/cluster/relay/history-way.ts'
import { type ProductId, shardOf } from '../../src/domain/ids.ts'
import { HistoryError } from '../../src/history/history-error.ts'
import type { Question } from '../../src/history/history-protocol.ts'
import { historyPollMs, historyWaitMs, sealIdleMs } from '../../src/limits.ts'
import type { FromNodes, ToNodes } from '../../src/node-questions.ts'
import type { Position } from '../../src/persistence/journal/position.ts'
import { makeHold, phone, productOf, setStock } from '../actors/asking.ts'
import { InProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'
import { HistoryLife } from './history-world.ts'

/** A node's history, its relay, and what its relay was asked. */
class Node {
  readonly life: HistoryLife
  readonly path: string
  readonly way: HistoryWay
  isReachable = true
  /** Nodes that it has asked. */
  readonly asked: string[] = []
  wire = new Wire<ToNodes, FromNodes>()

  constructor(nodes: Nodes, index: number) {
    this.path = join(nodes.root, `history-${index}.sqlite`)
    this.life = new HistoryLife(nodes.engine, this.path, false)
    this.way = new HistoryWay((nodeId, question, onReply) => {
      this.asked.push(nodeId)
      const other = nodes.all[Number(nodeId)] as Node
      if (other.isReachable) other.way.ask(question, onReply)
      else onReply(unreachable)
    })
    this.linkRelay()
  }

  linkRelay(): void {
    this.wire = new Wire<ToNodes, FromNodes>()
    this.wire.there.copies = true
    this.wire.back.copies = true
    this.life.server.linkNodes(this.wire.near)
    this.way.link(this.wire.far)
  }

  /** As a node that is killed. */
  kill(): void {
    this.isReachable = false
    this.life.end()
    this.wire.close()
  }

  async status() {
    return await this.life.server.status()
  }

  /** What becomes of a question. */
  asks(question: Question, after?: Position): { answer?: unknown; code?: string } {
    const outcome: { answer?: unknown; code?: string } = {}
    this.life.client.ask(question, after).then(
      ({ answer }) => {
        outcome.answer = answer
      },
      (error: unknown) => {
        assert.instance(error, HistoryError)
        outcome.code = (error as HistoryError).code
      },
    )
    return outcome
  }
}

class Nodes {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-keepers-'))
  readonly engine: InProcessEngine
  readonly all: Node[] = []
  /** Whether workers tell what became durable; a later frame says it too. */
  workersTell = true

  private constructor(engine: InProcessEngine) {
    this.engine = engine
  }

  /** Of `count` nodes those that are named keep a history. */
  static async start(count: number, keepers: readonly number[]): Promise<Nodes> {
    const nodes = new Nodes(await new InProcessEngine().start())
    for (let i = 0; i < count; i++) nodes.all.push(new Node(nodes, i))
    nodes.engine.onDurable = (stream, ordinal) => {
      if (!nodes.workersTell) return
      for (const { life } of nodes.all) if (!life.isOver) life.server.noteDurable(stream, ordinal)
    }
    nodes.keep(keepers)
    return nodes
  }

  node(index: number): Node {
    return this.all[index] as Node
  }

  /** All hear who keeps. */
  keep(keepers: readonly number[]): void {
    for (const [i, { life }] of this.all.entries()) {
      const others = keepers.filter((keeper) => keeper !== i).map(String)
      if (!life.isOver) life.server.keep({ keeps: keepers.includes(i), others })
    }
  }

  async catchUp(): Promise<void> {
    await this.engine.advance(sealIdleMs + 1)
    await this.engine.advance(historyPollMs + 1)
  }

  [Symbol.dispose](): void {
    for (const { life } of this.all) if (!life.isOver) life.server.close()
    rmSync(this.root, { recursive: true, force: true })
  }
}

const list: Question = { type: 'listReservations', filter: {}, before: undefined, limit: 10 }
const never = new Map([[shardOf(phone, 4), 1_000_000]])

const kept = suite('a history that two nodes keep')

kept('is the same whichever node is asked, and only they have taken anything', async () => {
  using nodes = await Nodes.start(4, [0, 1])
  const { engine, all } = nodes
  for (const productId of [phone, productOf(1)]) await engine.ask(setStock(productId, 10))
  const { id, sequence } = await makeHold(engine)
  await nodes.catchUp()
  const questions: readonly Question[] = [
    list,
    { type: 'findReservation', reservationId: id },
    { type: 'readStockAt', productId: phone, moment: { type: 'sequence', sequence } },
    { type: 'listStockEvents', productId: phone, from: undefined, limit: 10 },
    { type: 'listStockEvents', productId: 'unknown' as ProductId, from: undefined, limit: 10 },
  ]
  for (const question of questions) {
    const outcomes = all.map((node) => node.asks(question))
    await engine.settle()
    for (const outcome of outcomes) {
      assert.ok('answer' in outcome, outcome.code)
      assert.equal(outcome.answer, outcomes[0]?.answer)
    }
  }
  assert.equal(
    all.map(({ path }) => existsSync(path)),
    [true, true, false, false],
  )
  const statuses = await Promise.all(all.map((node) => node.status()))
  assert.equal(
    statuses.map(({ keeps, isReady, events }) => [keeps, isReady, events > 0]),
    [
      [true, true, true],
      [true, true, true],
      [false, true, false],
      [false, true, false],
    ],
  )
  assert.equal([nodes.node(0).asked, nodes.node(1).asked], [[], []], 'keepers answer by themselves')
})

kept('has one’s own change at the position of its reply, and says when it does not come', async () => {
  using nodes = await Nodes.start(3, [0, 1])
  const { engine } = nodes
  await engine.ask(setStock(phone, 10))
  await nodes.catchUp()
  nodes.workersTell = false
  const { id, sequence } = await makeHold(engine)
  const after = new Map([[shardOf(phone, 4), sequence]])
  const own = nodes.node(2).asks({ type: 'findReservation', reservationId: id }, after)
  await engine.settle()
  assert.equal(own, {}, 'it waits for what is not there yet')
  await nodes.catchUp()
  assert.is((own.answer as { status: string }).status, 'held')

  const late = nodes.node(2).asks(list, never)
  await engine.advance(historyWaitMs - 1)
  assert.equal(late, {})
  await engine.advance(historyPollMs + 1)
  assert.is(late.code, 'behind')
})

kept('is answered by the other one where one has not caught up, for its own listeners too', async () => {
  using nodes = await Nodes.start(3, [1])
  const { engine } = nodes
  await engine.ask(setStock(phone, 10))
  await makeHold(engine)
  await nodes.catchUp()
  // No room: it keeps one from now on, and cannot fill it.
  nodes.node(0).life.freeBytes = 0
  nodes.keep([0, 1])
  await nodes.catchUp()
  const outcomes = nodes.all.map((node) => node.asks(list))
  await engine.settle()
  for (const { answer } of outcomes) assert.is((answer as { reservations: unknown[] }).reservations.length, 1)
  assert.equal([nodes.node(0).asked, nodes.node(1).asked], [['1'], []])
  const { keeps, isReady } = await nodes.node(0).status()
  assert.equal([keeps, isReady], [true, true])
})

kept('goes on where one is killed while it is asked, at once', async () => {
  using nodes = await Nodes.start(3, [0, 1])
  const { engine } = nodes
  await engine.ask(setStock(phone, 10))
  await nodes.catchUp()
  nodes.workersTell = false
  const { sequence } = await makeHold(engine)
  const asked = nodes.node(2).asks(list, new Map([[shardOf(phone, 4), sequence]]))
  await engine.settle()
  assert.equal(nodes.node(2).asked, ['0'])
  nodes.node(0).kill()
  await engine.settle()
  assert.equal(nodes.node(2).asked, ['0', '1'])
  await nodes.catchUp()
  assert.is((asked.answer as { reservations: unknown[] }).reservations.length, 1)

  // The next in line keeps one, from its beginning.
  nodes.keep([1, 2])
  await nodes.catchUp()
  nodes.node(1).kill()
  const own = nodes.node(2).asks(list)
  await engine.settle()
  assert.is((own.answer as { reservations: unknown[] }).reservations.length, 1)
  assert.equal(nodes.node(2).asked.length, 2, 'by itself')
})

kept('fails soon where nobody keeps one, and no question goes round', async () => {
  using nodes = await Nodes.start(3, [])
  const none = nodes.node(0).asks(list)
  await nodes.engine.settle()
  assert.is(none.code, 'unavailable')
  // Each takes another one for a keeper.
  for (const [i, { life }] of nodes.all.entries())
    life.server.keep({ keeps: false, others: [String((i + 1) % 3), String((i + 2) % 3)] })
  const outcome = nodes.node(0).asks(list)
  await nodes.engine.settle()
  assert.is(outcome.code, 'behind')
  assert.equal(
    nodes.all.map(({ asked }) => asked),
    [['1', '2'], [], []],
  )
  const { isReady, keeps } = await nodes.node(0).status()
  assert.equal([isReady, keeps], [false, false])
})

kept('fails where relay or history die under a question, and the next lives answer', async () => {
  using nodes = await Nodes.start(2, [0])
  const { engine } = nodes
  await engine.ask(setStock(phone, 10))
  await nodes.catchUp()
  for (const dying of [0, 1]) {
    const asked = nodes.node(1).asks(list, never)
    await engine.settle()
    assert.equal(asked, {})
    nodes.node(dying).wire.close()
    await engine.settle()
    assert.is(asked.code, 'unavailable')
    nodes.node(dying).linkRelay()
    const again = nodes.node(1).asks(list)
    await engine.settle()
    assert.ok(again.answer)
  }
})

kept.run()

const resting = suite('a node that keeps no history any more')

resting(
  'has what waits there answered by those that do, and goes on from its file when it keeps one again',
  async () => {
    using nodes = await Nodes.start(3, [0, 1])
    const { engine } = nodes
    const node = nodes.node(0)
    await engine.ask(setStock(phone, 10))
    await nodes.catchUp()
    const { events } = await node.status()
    nodes.workersTell = false
    const { sequence } = await makeHold(engine)
    const waiting = node.asks(list, new Map([[shardOf(phone, 4), sequence]]))
    nodes.node(2).asks(list, never)
    await engine.settle()
    assert.equal(nodes.node(2).asked, ['0'])
    nodes.keep([1])
    await engine.settle()
    assert.equal(nodes.node(2).asked, ['0', '1'])
    await nodes.catchUp()
    assert.is((waiting.answer as { reservations: unknown[] }).reservations.length, 1)
    assert.is((await node.status()).events, events, 'it takes nothing')
    assert.equal([existsSync(node.path), existsSync(`${node.path}-wal`)], [true, false], 'the file is closed')

    nodes.keep([0, 1])
    nodes.node(1).kill()
    await nodes.catchUp()
    const own = node.asks(list)
    await engine.settle()
    assert.is((own.answer as { reservations: unknown[] }).reservations.length, 1)
    const after = await node.status()
    assert.equal([after.events - events, after.rebuilds], [1, 0], 'what has come since, and nothing twice')
  },
)

resting('still tells who watches a product that it has changed', async () => {
  using nodes = await Nodes.start(2, [0])
  const { engine } = nodes
  const { client } = nodes.node(1).life
  await engine.ask(setStock(phone, 10))
  let changes = 0
  await client.watch(phone, () => {
    changes += 1
  })
  await nodes.catchUp()
  changes = 0
  await engine.ask(setStock(phone, 11))
  await nodes.catchUp()
  assert.is(changes, 1)
  await engine.advance(10_000)
  assert.ok(client.isWatching)
  client.unwatch(phone)
  await engine.advance(10_000)
  void client.watch(phone, () => void changes++)
  await nodes.catchUp()
  assert.ok(client.isWatching, 'after a rest as well')
})

resting('is not behind, closes in order, and says so to whom it was asked by', async () => {
  using nodes = await Nodes.start(2, [0])
  const { engine } = nodes
  await engine.ask(setStock(phone, 10))
  await nodes.catchUp()
  nodes.keep([1])
  await engine.advance(60_000)
  await makeHold(engine)
  const { behindEvents, behindMs, keeps } = await nodes.node(0).status()
  assert.equal([behindEvents, behindMs, keeps], [0, 0, false])
  const asked = nodes.node(0).asks(list, never)
  await engine.settle()
  nodes.node(0).life.server.close()
  await engine.settle()
  assert.is(asked.code, 'shutting-down')
})

resting.run()
