/** A stream in a Redis Cluster, whose primary is killed: its replica goes on with stream and position alike. */
import { RedisSink } from '../../src/events/redis/redis-sink.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { type BrokerUnderTest, eventSinkContract } from '../contract/event-sinks.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import type { RedisServerProcess } from '../support/redis-server.ts'
import { pause } from '../support/server-process.ts'
import { readStream } from './stream-reader.ts'

const STREAM = 'shop:events'
/** What was told is to have come to the replica; nobody waits for that (what is lost of it is told again). */
const REPLICATED_MS = 200

eventSinkContract({
  name: 'a stream of a Redis Cluster',
  needs: ['redis-server'],
  start: async (): Promise<BrokerUnderTest> => {
    const cluster = await RedisCluster.start({ settings: { 'cluster-node-timeout': 2_000 } })
    const seeds = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const access = { seeds, tls: false, username: undefined, password: undefined }
    let killed: RedisServerProcess | undefined
    return {
      sink: () =>
        new RedisSink({ access, stream: STREAM, lengthMax: undefined, clock: realClock, timers: realTimers }),
      told: async () => readStream(cluster.clientOf(await cluster.primaryOf(STREAM)), STREAM),
      kill: async () => {
        await pause(REPLICATED_MS)
        killed = await cluster.primaryOf(STREAM)
        await cluster.kill(killed)
      },
      restart: async () => {
        // Its replica has taken its place by the time it is back.
        while ((await cluster.primaryOf(STREAM).catch(() => killed)) === killed) await pause(REPLICATED_MS)
        if (killed !== undefined) await cluster.restart(killed)
        await cluster.waitUntilHealthy()
      },
      close: () => cluster.close(),
    }
  },
})
