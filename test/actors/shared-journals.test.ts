import * as assert from 'uvu/assert'
import { beginShared } from '../../src/actors/shared-journals.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { JournalLost } from '../../src/persistence/journal/redis/mirror.ts'
import { realTimers } from '../../src/seams.ts'
import { suite } from '../support/suite.ts'
import { until } from '../support/until.ts'

const test = suite('a shard whose journal nobody can say the end of')

test('is tried again and again, and each reason is told once', async () => {
  const reasons = [new Error('away'), new Error('away'), new JournalLost('lost'), new JournalLost('lost')]
  const told: (readonly [why: string, isLost: boolean])[] = []
  let tried = 0
  const journals = {
    place: {} as Parameters<typeof beginShared>[0]['place'],
    startOf: () => Promise.reject(reasons[Math.min(tried++, reasons.length - 1)]),
  }
  beginShared(journals, 0 as ShardId, {
    timers: realTimers,
    isWanted: () => tried < 6,
    begin: () => {},
    onFailure: (why, isLost) => void told.push([why, isLost]),
  })
  await until(() => tried >= 6)
  assert.equal(told, [
    ['away', false],
    ['lost', true],
  ])
})

test.run()
