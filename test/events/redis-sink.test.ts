import * as assert from 'uvu/assert'
import { PositionMoved } from '../../src/events/event-sink.ts'
import { positionKeyOf, RedisSink } from '../../src/events/redis/redis-sink.ts'
import { keySlot } from '../../src/persistence/redis/key-slot.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { type BrokerUnderTest, eventSinkContract } from '../contract/event-sinks.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { suite } from '../support/suite.ts'
import { readStream } from './stream-reader.ts'

const STREAM = 'shop:events'

function sinkOf(server: RedisServerProcess, lengthMax?: number): RedisSink {
  const { host, port } = server
  return new RedisSink({
    access: { seeds: [{ host, port }], tls: false, username: undefined, password: undefined },
    stream: STREAM,
    lengthMax,
    clock: realClock,
    timers: realTimers,
  })
}

eventSinkContract({
  name: 'a stream of Redis',
  needs: ['redis-server'],
  start: async (): Promise<BrokerUnderTest> => {
    const server = await RedisServerProcess.start()
    return {
      sink: () => sinkOf(server),
      told: () => readStream(server.client(), STREAM),
      kill: () => server.kill(),
      restart: () => server.restart(),
      close: () => server.close(),
    }
  },
})

const test = suite('a stream of Redis', { needs: ['redis-server'], limitMs: 60_000 })

test('has its position in its own slot', () => {
  for (const stream of ['events', 'shop:events', 'a.b-c'])
    assert.is(keySlot(positionKeyOf(stream)), keySlot(stream))
})

test('takes nothing from one whose place another has taken, and nothing at all of such a batch', async () => {
  const server = await RedisServerProcess.start()
  try {
    const [old, young] = [sinkOf(server), sinkOf(server)]
    await old.open()
    await young.open()
    const event = (id: string) => ({ key: 'k', json: JSON.stringify({ id }) })
    await young.tell([event('1')], undefined)
    const refused = await old.tell([event('2')], undefined).catch((error: unknown) => error)
    assert.instance(refused, PositionMoved)
    assert.equal(await readStream(server.client(), STREAM), [{ id: '1' }])
    await server.client().flushall()
    assert.instance(await young.tell([], undefined).catch((error: unknown) => error), PositionMoved)
    for (const sink of [old, young]) await sink.close()
  } finally {
    await server.close()
  }
})

test('keeps about as many as it is told to', async () => {
  const server = await RedisServerProcess.start()
  try {
    const sink = sinkOf(server, 1_000)
    await sink.open()
    for (let i = 0; i < 10; i++)
      await sink.tell(
        Array.from({ length: 500 }, (_, n) => ({ key: 'k', json: `{"id":"${i}.${n}"}` })),
        undefined,
      )
    const length = await server.client().xlen(STREAM)
    assert.ok(length >= 1_000 && length < 1_500, `${length}`)
    await sink.close()
  } finally {
    await server.close()
  }
})

test.run()
