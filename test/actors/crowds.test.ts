/** Very many at once (FAULTS.md, 53, 55 and 56): the same again and again, one product that nearly all want, keys without end. */
import * as assert from 'uvu/assert'
import { commandKeyOf, fingerprintIn, hashIn } from '../../src/actors/command-key.ts'
import { MemoryBudget } from '../../src/actors/memory-budget.ts'
import { Shard } from '../../src/actors/shard.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import { batchCommandsMax, keyKnownMsMin, keysPerShardMax } from '../../src/limits.ts'
import { type Asked, type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { addStock, isReply, phone, productOf, reserve, setStock, stockOf } from './asking.ts'

const key = (n: number | string) => commandKeyOf('key_admin POST /v1/reservations', `key-${n}`, 'body')

const storm = suite('a storm of retries')

storm(
  'of the same keys is answered as before, writes nothing, and keeps nobody new from buying',
  async () => {
    const world = await inProcessEngine({ segmentBytes: 1_048_576 })
    await world.ask(setStock(phone, 10_000))
    const made = 1_000
    const requests = Array.from({ length: made }, (_, n) => ({ ...reserve(world), key: key(n) }))
    const first = await askAll(world, requests)
    const before = eventsOf(world)
    const fresh = Array.from({ length: 200 }, (_, n) => ({ ...reserve(world), key: key(`new-${n}`) }))
    const storming = [...requests, ...requests, ...requests.toReversed(), ...fresh]
    const replies = await askAll(world, storming)
    for (const [n, asked] of replies.entries()) {
      isReply(asked, 'held')
      if (asked.outcome?.type !== 'reply' || asked.outcome.reply.type !== 'held') continue
      const { replayed, ...now } = asked.outcome.reply
      assert.is(replayed, n < 3 * made ? true : undefined)
      if (n >= made) continue
      const then = first[n]?.outcome
      const { quantity, available, expiresAtMs, sequence } = now
      assert.ok(then?.type === 'reply' && then.reply.type === 'held')
      const told = [then.reply.quantity, then.reply.available, then.reply.expiresAtMs, then.reply.sequence]
      assert.equal([quantity, available, expiresAtMs, sequence], told)
    }
    assert.is(eventsOf(world) - before, 2 * fresh.length, 'each new one, and its key')
    assert.is((await stockOf(world)).held, made + fresh.length)
  },
)

storm.run()

const hot = suite('a product that nearly everybody wants')

hot('does not keep those waiting who want another one', async () => {
  const world = await inProcessEngine({ segmentBytes: 1_048_576 })
  const others = [1, 2, 3].map((shard) => productOf(shard))
  for (const productId of [phone, ...others]) await world.ask(setStock(productId, 10_000))
  const crowd = Array.from({ length: 7_920 }, () => world.call(reserve(world)))
  const rest = others.flatMap((productId) => {
    return Array.from({ length: 26 }, () => world.call(reserve(world, { productId })))
  })
  while (rest.some(({ outcome }) => outcome === undefined)) assert.ok(await world.timers.step())
  const served = crowd.filter(({ outcome }) => outcome !== undefined).length
  assert.ok(served <= 2 * batchCommandsMax, `${served} of the crowd came before the last of the others`)
  await world.settle()
  for (const asked of [...crowd, ...rest]) isReply(asked, 'held')
})

hot.run()

const keys = suite('keys without end')

keys('are as many as a shard has room for; past it the oldest go, but for those of the last hour', () => {
  const startedMs = 1_800_000_000_000
  const state = emptyShard()
  // Of what makes hashes differ the table takes what comes first.
  const bytes = Buffer.alloc(16)
  for (let n = 0; n < keysPerShardMax; n++) {
    bytes.writeUInt32LE(Math.imul(n, 0x9e3779b1) >>> 0)
    const hash = bytes.toString('latin1') as never
    state.keys.add({ hash, fingerprint: 'its body' as never, kind: 'answer', atMs: startedMs, value: 'x' })
  }
  const shard = new Shard(
    {
      shard: 0 as ShardId,
      state,
      nextSequence: 1,
      readyAtMs: startedMs,
      returnWindowMs: 1,
      memory: new MemoryBudget(Number.POSITIVE_INFINITY),
    },
    {
      roomFor: () => 'all',
      isFull: () => false,
      beginSection() {},
      append() {},
      endSection() {},
    },
  )
  const askAt = (nowMs: number, request: Parameters<Shard['answer']>[0]) => {
    shard.beginTurn(nowMs)
    const reply = shard.answer(request)
    shard.endTurn()
    return reply
  }
  const one = key('one')
  const lastMs = startedMs + keyKnownMsMin
  assert.is(askAt(startedMs, setStock(phone, 5)).type, 'stock', 'without a key all goes on')
  const full = askAt(lastMs, { ...addStock(phone, 1), key: one })
  assert.is(full.type === 'undecided' && full.code, 'overloaded')
  assert.is(askAt(lastMs + 1, { ...addStock(phone, 1), key: one }).type, 'stock')
  assert.is(state.keys.find(hashIn(one))?.fingerprint, fingerprintIn(one))
  for (let n = 0; n < 1_000; n++) askAt(lastMs + 1, { ...addStock(phone, 1), key: key(n) })
  assert.ok(state.keys.size <= keysPerShardMax, `${state.keys.size} keys`)
})

keys.run()

async function askAll<R extends Parameters<InProcessEngine['call']>[0]>(
  world: InProcessEngine,
  requests: readonly R[],
): Promise<Asked<R>[]> {
  const asked = requests.map((request) => world.call(request))
  await world.settle()
  return asked
}

function eventsOf(world: InProcessEngine): number {
  const { journal } = world.worker().askStatus()
  return journal.events
}
