import * as assert from 'uvu/assert'
import type { ShardId } from '../../../../src/domain/ids.ts'
import { JournalWatch } from '../../../../src/persistence/journal/redis/journal-watch.ts'
import { journalKeysOf } from '../../../../src/persistence/journal/redis/place.ts'
import { RedisNodes } from '../../../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../../../src/redis-url.ts'
import { realClock, realTimers } from '../../../../src/seams.ts'
import { RedisServerProcess } from '../../../support/redis-server.ts'
import { suite } from '../../../support/suite.ts'

const { journal } = journalKeysOf(0 as ShardId)
const test = suite('a watch of a journal in Redis', { needs: ['redis-server'] })
let server: RedisServerProcess
let watch: JournalWatch

test.before(async () => {
  server = await RedisServerProcess.start()
})
test.before.each(() => {
  const parsed = parseRedisUrl(server.url)
  if (parsed.type === 'invalid') throw new Error(parsed.expected)
  watch = new JournalWatch(new RedisNodes(parsed.access, { clock: realClock, timers: realTimers }), journal)
})
test.after.each(() => watch.close())
test.after(() => server.close())

test('says that there is more where there is, and waits where there is not until there is', async () => {
  const client = server.client()
  await client.xadd(journal, '5-1', 'f', 'x')
  assert.is(await watch.behind({ epoch: 4, ordinal: 9 }), true)
  let hasSaid = false
  const waiting = watch.behind({ epoch: 5, ordinal: 1 }).then((hasMore) => {
    hasSaid = true
    return hasMore
  })
  await client.ping()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(hasSaid, false)
  await client.xadd(journal, '5-2', 'f', 'x')
  assert.is(await waiting, true)
})

test('waits once, however often it is asked', () => {
  const place = { epoch: 9, ordinal: 1 }
  assert.is(watch.behind(place), watch.behind(place))
})

test('leaves no connection behind where it is closed while it makes one', async () => {
  const waiting = watch.behind({ epoch: 9, ordinal: 1 })
  watch.close()
  assert.is(await waiting, false)
  const client = server.client()
  assert.not.match(String(await client.client('LIST')), 'cmd=xread')
})

test('says that it cannot watch where its connection ends, and watches again when it is asked again', async () => {
  const client = server.client()
  const waiting = watch.behind({ epoch: 5, ordinal: 2 })
  while (!String(await client.client('LIST')).includes('cmd=xread'))
    await new Promise((resolve) => setTimeout(resolve, 5))
  watch.close()
  assert.is(await waiting, false)
  const again = watch.behind({ epoch: 5, ordinal: 2 })
  await client.xadd(journal, '5-3', 'f', 'x')
  assert.is(await again, true)
})

test.run()
