/** Histories of three nodes, with threads, relays and sockets as in real nodes: two keep one, and the third asks them. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { shardOf } from '../../../src/domain/ids.ts'
import { HistoryClient } from '../../../src/history/history-client.ts'
import { HistoryThread } from '../../../src/history/history-thread.ts'
import { historyTimeoutMs } from '../../../src/limits.ts'
import { linkChannel } from '../../../src/linked-thread.ts'
import { portOf, realClock, realTimers } from '../../../src/seams.ts'
import { phone, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, pause, SHARDS, until, World } from './relay-world.ts'

/** One node's history, and a listener's end of it. */
class NodeHistory {
  readonly path: string
  readonly thread: HistoryThread
  readonly client: HistoryClient
  #worker: Worker | undefined

  constructor(node: Node, root: string) {
    this.path = join(root, `${node.nodeId}.sqlite`)
    this.thread = new HistoryThread({
      data: {
        journalDirectory: join(root, 'journal'),
        snapshotDirectory: join(root, 'snapshots'),
        path: this.path,
        shards: SHARDS,
        isShared: true,
        crashPoint: undefined,
      },
      timers: realTimers,
      log() {},
      respawnDelayMs: () => 20,
    })
    const { clientEnd, threadEnd } = linkChannel()
    this.client = new HistoryClient({
      clock: realClock,
      timers: realTimers,
      control: portOf(clientEnd),
      portOf,
    })
    this.thread.attach(threadEnd)
    this.thread.linkRelay((port) => node.relay.linkHistory(port))
    node.onRelay = () => this.thread.linkRelay((port) => node.relay.linkHistory(port))
  }

  async start(): Promise<void> {
    const born = once(process, 'worker')
    this.thread.start()
    const [worker] = (await born) as [Worker]
    this.#worker = worker
  }

  async kill(): Promise<void> {
    await this.#worker?.terminate()
  }

  async close(): Promise<void> {
    this.client.close()
    await this.thread.close()
  }
}

type Context = { world: World; histories: NodeHistory[]; made: number }
const context = {} as Context
const test = suite<Context>('histories of nodes', { context, limitMs: 60_000 })

test.before(async (context) => {
  const world = await (await World.start([0, 1, 0, 1], { nodes: 3 })).ready()
  context.world = world
  context.made = 0
  context.histories = world.nodes.map((node) => new NodeHistory(node, world.root))
  for (const history of context.histories) await history.start()
  keep(context.histories)
  await world.node(0).engine.execute(setStock(phone, 1_000))
})

test.after(({ world }) => world.stop())

/** Nodes 0 and 1 keep one. */
function keep(histories: readonly NodeHistory[]): void {
  for (const [i, { thread }] of histories.entries())
    thread.keep({ keeps: i < 2, others: ['node-0', 'node-1'].filter((nodeId) => nodeId !== `node-${i}`) })
}

/** One that keeps none is told whom to ask; resolves when it has heard. */
async function asks({ thread }: NodeHistory, others: readonly string[]): Promise<void> {
  thread.keep({ keeps: false, others })
  assert.ok(await thread.status(10_000))
}

/** Makes one more reservation, at the node that has its shard, and asks another one for all until it is there: how long that took. */
async function readsOwnWrite({ world, histories, made }: Context, index: number): Promise<number> {
  const owner = world.node(shardOf(phone, SHARDS) % 2)
  const command = reserve(owner, { productId: phone })
  const held = await owner.engine.execute(command)
  assert.ok(held.type === 'held')
  const after = new Map([[shardOf(phone, SHARDS), held.sequence]])
  const sinceMs = performance.now()
  const { client } = histories[index] as NodeHistory
  const question = { type: 'listReservations', filter: {}, before: undefined, limit: 100 } as const
  for (;;) {
    try {
      const { answer } = await client.ask(question, after)
      assert.is(answer.reservations.length, made)
      const shown = answer.reservations.map(({ reservationId }) => reservationId)
      assert.ok(shown.includes(command.reservationId))
      return performance.now() - sinceMs
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code !== 'behind' && code !== 'unavailable') throw error
      if (performance.now() - sinceMs > 20_000) throw error
      await pause(10)
    }
  }
}

test('answer alike, one’s own last write included, and only those that keep one have a file', async (context) => {
  for (const index of [0, 1, 2, 2]) {
    context.made += 1
    await readsOwnWrite(context, index)
  }
  assert.equal(
    context.histories.map(({ path }) => existsSync(path)),
    [true, true, false],
  )
  const status = await context.histories[2]?.thread.status(2_000)
  assert.equal([status?.keeps, status?.isReady, status?.events], [false, true, 0])
})

test('that are kept die one after the other, and whoever asks them is answered', async (context) => {
  for (const index of [0, 1]) {
    await context.histories[index]?.kill()
    context.made += 1
    const tookMs = await readsOwnWrite(context, 2)
    assert.ok(tookMs < historyTimeoutMs, `${tookMs} ms`)
  }
  assert.equal(
    context.histories.map(({ thread }) => thread.restarts),
    [1, 1, 0],
  )
})

for (const index of [0, 2]) {
  test(`are linked anew when the relay of node ${index} has died`, async (context) => {
    const node = context.world.node(index)
    const { restarts } = node.relay
    node.killRelay()
    await until(() => node.relay.restarts === restarts + 1)
    await context.world.ready()
    context.made += 1
    await readsOwnWrite(context, 2)
    for (const keeper of [0, 1]) {
      await asks(context.histories[2] as NodeHistory, [`node-${keeper}`])
      context.made += 1
      await readsOwnWrite(context, 2)
    }
    keep(context.histories)
  })
}

test('of which one is cut off in silence leave its questions to the other', async (context) => {
  const history = context.histories[2] as NodeHistory
  const { client } = history
  const way = context.world.way(2, 0)
  way.blackhole()
  const question = { type: 'listReservations', filter: {}, before: undefined, limit: 100 } as const
  await asks(history, ['node-0'])
  const [lost] = await Promise.allSettled([client.ask(question)])
  assert.is(lost.status === 'rejected' && lost.reason.code, 'unavailable')
  way.heal()
  context.made += 1
  await readsOwnWrite(context, 2)

  await asks(history, ['node-0', 'node-1'])
  way.blackhole()
  const sinceMs = performance.now()
  const { answer } = await client.ask(question)
  const tookMs = performance.now() - sinceMs
  assert.is(answer.reservations.length, context.made)
  assert.ok(tookMs < historyTimeoutMs, `${tookMs} ms`)
  way.heal()
})

test('end by themselves while everything is linked', async ({ histories }) => {
  const sinceMs = performance.now()
  await Promise.all(histories.map((history) => history.close()))
  const tookMs = performance.now() - sinceMs
  assert.ok(tookMs < historyTimeoutMs, `nobody had to cut them off: ${tookMs} ms`)
})

test.run()
