/** Of several nodes one tells what all of them do; which one, and what befalls it, nobody who reads the events can see. */
import * as assert from 'uvu/assert'
import { readStream } from '../events/stream-reader.ts'
import { assertAllOf, distinct } from '../events/told.ts'
import type { AppNode } from '../support/app-node.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import { LongFigure } from '../support/long-figure.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const STREAM = 'shop-events'
const ROUNDS = 2

const test = suite('events of several nodes', { needs: ['redis-server'], limitMs: 900_000 })

test('are told by one of them, killed, stopped for longer than its lease, or gone, and none is lost', async () => {
  const figure = new LongFigure('events-nodes')
  const broker = await RedisServerProcess.start()
  try {
    await using trial = await ClusterTrial.start({
      nodes: 3,
      environment: { EVENTS_URL: `${broker.url}/${STREAM}` },
    })
    const { all } = trial
    const leader = async () => {
      await until(async () => (await all.ownerOf(0 as never))?.isAwake === true, 'somebody leads', 60_000)
      return (await all.ownerOf(0 as never)) as AppNode
    }
    let changes = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const fault of ['kill', 'stop', 'stall', 'broker'] as const) {
        trial.load()
        await pause(1_500)
        const victim = await leader()
        figure.say(`round ${round + 1}: ${fault}, ${victim.name} leads`)
        if (fault === 'kill') await victim.kill()
        if (fault === 'stop') await victim.stop()
        if (fault === 'broker') await broker.kill()
        if (fault === 'stall') {
          victim.pause()
          await pause(all.leaseMs + 1_500)
        } else await pause(1_500)
        if ((await leader()) !== victim) changes += 1
        if (fault === 'stall') victim.resume()
        else if (fault === 'broker') await broker.restart()
        else await victim.start()
        await pause(1_500)
        await all.untilBalanced()
        await trial.judge()
      }
    }
    const { journal } = await trial.end()
    const { events, repeated } = distinct(await readStream(broker.client(), STREAM))
    assertAllOf(journal, events, '/holdfast')
    assert.ok(changes >= ROUNDS * 2, `${changes} times another one told`)
    note(`${events.length} events, ${repeated} told twice, ${changes} times another node told`)
    figure.end({
      command: 'npm run test:long -- test/cluster/events.long.ts',
      events: events.length,
      repeated,
      changes,
    })
  } finally {
    await broker.close()
  }
})

test.run()
