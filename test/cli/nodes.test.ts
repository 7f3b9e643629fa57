/** `npm run nodes` as a person runs it, on a real Redis. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { freePort } from '../../src/cli/local-cluster/free-ports.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { journalKeysOf } from '../../src/persistence/journal/redis/place.ts'
import { compiled } from '../support/compiled.ts'
import { OwnershipNodes } from '../support/ownership-nodes.ts'
import { RedisServerProcess } from '../support/redis-server.ts'
import { suite } from '../support/suite.ts'

const ENTRY = join(import.meta.dirname, '../../src/cli/nodes.ts')

async function nodes(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    env: { ...compiled, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [child.stdout, child.stderr].map((stream) => Array.fromAsync(stream.setEncoding('utf8')))
  await once(child, 'close')
  return { code: child.exitCode, out: (await out)?.join('') ?? '', err: (await err)?.join('') ?? '' }
}

const command = suite('npm run nodes', { needs: ['redis-server'], limitMs: 60_000 })

command('tells which nodes there are and who serves what, while they run and after', async () => {
  const redis = await RedisServerProcess.start()
  const all = new OwnershipNodes({ url: redis.url, shards: 3 })
  const env = { REDIS_URL: redis.url }
  try {
    const before = await nodes([], env)
    assert.equal([before.code, before.out], [1, 'No node has ever started on this Redis.\n'])

    await all.start()
    await all.start()
    await all.balanced()
    await redis.client().hset(journalKeysOf(2 as ShardId).head, 'id', '7-42')
    const text = await nodes([], env)
    assert.is(text.code, 0, text.err)
    assert.match(text.out, /^2 nodes, 3 shards, data [0-9a-f]{32}\n/)
    assert.match(text.out, /\nn1 +127\.0\.0\.1:n1 +0 +2 +keeps +20\S+ +\d\.\d s ago\n/)
    assert.match(text.out, /\n +2 +n\d +127\.0\.0\.1:n\d +\d\.\d s +7 +42\n/)

    const told = JSON.parse((await nodes(['--json'], env)).out)
    assert.equal([told.shards, told.members.length], [3, 2])
    assert.equal([told.owned[2].lease.type, told.owned[2].epoch, told.owned[2].ordinal], ['held', 7, 42])
    assert.ok(told.owned[2].leaseLeftMs > 0 && told.owned[2].leaseLeftMs <= all.leaseMs)

    for (const node of all.living) await node.leave()
    // What one leaves to another that leaves too is promised to that one for a moment.
    await pause(all.leaseMs)
    const after = await nodes([], env)
    assert.is(after.code, 1)
    assert.match(after.out, /^0 nodes, 3 shards/)
    assert.match(after.out, /\n +1 +nobody +none +0 +0\n/)
  } finally {
    await all.close()
    await redis.close()
  }
})

command('refuses what it cannot do, and says why', async () => {
  const refusals = [
    [[], {}, /Set REDIS_URL/],
    [[], { REDIS_URL: 'http://x' }, /REDIS_URL must be redis:/],
    [[], { REDIS_URL: `redis://127.0.0.1:${await freePort()}` }, /Redis does not answer/],
    [['--no'], {}, /--no/],
  ] as const
  await Promise.all(
    refusals.map(async ([args, env, why]) => {
      const { code, out, err } = await nodes(args, env)
      assert.equal([code, out], [3, ''], String(why))
      assert.match(err, why)
    }),
  )
  const { code, out } = await nodes(['--help'], {})
  assert.is(code, 0)
  assert.match(out, /every shard has an owner/)
})

command.run()
