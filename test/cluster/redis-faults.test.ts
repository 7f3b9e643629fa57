/** FAULTS.md, H68, H70 and H72: what one Redis without replicas does to the nodes whose journal it holds. */
import { cpSync, globSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { ShardId } from '../../src/domain/ids.ts'
import { journalKeysOf } from '../../src/persistence/journal/redis/place.ts'
import { ClusterTrial } from '../support/cluster-trial.ts'
import type { Answer, CallOutcome } from '../support/http-call.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { pause } from '../support/server-process.ts'
import { note, suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

type World = { trial: ClusterTrial }
type Part = { readonly name: string; readonly ready: boolean; readonly reason?: string }

const BUSY_MS = 1_500
const LOST_REPLIES = 20
const QUIET_MS = 1_500
const SEALED_MS = 300

const redis = suite<World>('one Redis under load', { needs: ['redis-server'], limitMs: 60_000 })

redis.after(async ({ trial }) => await trial?.close())

redis('serves two nodes', async (world) => {
  world.trial = await ClusterTrial.start({ nodes: 2, isRouted: true })
})

redis('whose replies are lost again and again: what is sent anew has one effect', async ({ trial }) => {
  trial.load()
  for (let lost = 0; lost < LOST_REPLIES; lost++) {
    for (const { network } of trial.all.nodes)
      for (const proxy of network.to(trial.all.redisPorts)) proxy.dropNextReply()
    await pause(50)
  }
  await trial.sellsAgain()
  await trial.judgeAnswers()
})

redis(
  'that is busy with somebody’s script answers nobody, and nothing is done by half',
  async ({ trial }) => {
    const client = trial.all.alone.client()
    await client.config('SET', 'busy-reply-threshold', 50)
    trial.load()
    await pause(200)
    // It may be killed only before its first write, so it has done nothing.
    const killed = client.eval('while true do end', 0).catch((error: Error) => error.message)
    await pause(BUSY_MS)
    await trial.all.alone.client({ enableReadyCheck: false }).script('KILL')
    assert.match(String(await killed), /killed by user/i)
    await trial.sellsAgain()
    await trial.judgeAnswers()
  },
)

for (const [when, sealed] of [
  ['and its shard had sealed it', true],
  ['in the same moment', false],
] as const) {
  redis(
    `that loses what it acknowledged, ${when}, is not believed: the shard stops and says why, others sell, and all do once it is put right`,
    async ({ trial }) => {
      const { all } = trial
      const shard = (sealed ? 1 : 2) as ShardId
      const product = trial.probes[shard] as string
      await trial.judge()
      await untilQuiet(trial)
      const node = await all.ownerOf(shard)
      assert.ok(node !== undefined)
      // Without keys, which would be written in other shards' journals.
      const reserves = async (id: string) => statusOf(await trial.reserveAt(node, id, { isKeyed: false }))
      const log = logOf(all.alone)
      const { size } = statSync(log)
      assert.is(await reserves(product), 201)
      if (sealed) await pause(SEALED_MS)
      await all.alone.kill()
      await using whole = await copyOf(all.alone)
      truncateSync(log, size)
      await all.alone.restart()
      await reserves(product)
      let reason = ''
      await until(async () => {
        const answers = await Promise.all(all.nodes.map(({ server }) => server.request('GET', '/readyz')))
        reason = answers.map((answer) => reasonOf(answer, shard)).find((one) => / lost /.test(one)) ?? ''
        return reason !== ''
      }, 'the shard says why it is stopped')
      note(reason)
      for (const id of trial.probes)
        if (id !== product) await until(async () => (await reserves(id)) === 201, `${id} sells`)
      assert.is(await reserves(product), 503)
      const keys = Object.values(journalKeysOf(shard))
      for (const key of keys) {
        const kept = await whole.server.client().dumpBuffer(key)
        await all.clientOf(all.alone).restore(key, 0, kept, 'REPLACE')
      }
      await trial.sellsAgain()
      await trial.judgeAnswers()
    },
  )
}

redis.run()

/** Until no shard has anything more to write: what was asked is settled everywhere, and sealed. */
async function untilQuiet({ all }: ClusterTrial): Promise<void> {
  const client = all.clientOf(all.alone)
  const heads = async () => {
    const ids = Array.from({ length: all.shards }, (_, shard) => {
      return client.hget(journalKeysOf(shard as ShardId).head, 'id')
    })
    return (await Promise.all(ids)).join()
  }
  for (let before = ''; before !== (await heads()); await pause(QUIET_MS)) before = await heads()
}

/** What a Redis that has been stopped had, in another one. */
async function copyOf(dead: RedisServerProcess): Promise<{ server: RedisServerProcess } & AsyncDisposable> {
  const server = await RedisServerProcess.start()
  await server.kill()
  rmSync(join(server.directory, 'appendonlydir'), { recursive: true })
  cpSync(join(dead.directory, 'appendonlydir'), join(server.directory, 'appendonlydir'), { recursive: true })
  await server.restart()
  return { server, [Symbol.asyncDispose]: () => server.close() }
}

/** The file that an append-only Redis writes now. */
function logOf({ directory }: RedisServerProcess): string {
  const [found] = globSync('appendonlydir/*.incr.aof', { cwd: directory })
  assert.ok(found !== undefined)
  return join(directory, found)
}

function statusOf(outcome: CallOutcome): number | string {
  return outcome.type === 'answered' ? outcome.status : outcome.why
}

/** Why a shard is not served, by what an administrator is told. */
function reasonOf({ body }: Answer, shard: ShardId): string {
  const parts = (body.parts ?? []) as readonly Part[]
  return parts.find(({ name }) => name === `worker-${shard}`)?.reason ?? ''
}
