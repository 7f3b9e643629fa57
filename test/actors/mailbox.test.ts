import * as assert from 'uvu/assert'
import { type Letter, Mailbox } from '../../src/actors/mailbox.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { suite } from '../support/suite.ts'

const [one, two, foreign] = [0, 1, 2] as ShardId[]
const mailbox = suite('a mailbox')

function letter(callId: number): Letter<string> {
  return {
    from: 'listener',
    callId,
    request: { type: 'readStock', productIds: [] } as never,
    deadlineMs: 5_000,
  }
}

mailbox('takes letters of the shards served here until it is full, whosever they are', () => {
  const box = new Mailbox<string>([one, two] as ShardId[], 3)
  assert.not(box.put(foreign as ShardId, letter(0)))
  for (const [callId, shard] of [one, two, one].entries())
    assert.ok(box.put(shard as ShardId, letter(callId)))
  assert.not(box.put(two as ShardId, letter(3)))
  assert.is(box.size, 3)
  assert.equal(
    box.take(one as ShardId, 9).map(({ callId }) => callId),
    [0, 2],
  )
  assert.ok(box.put(two as ShardId, letter(4)))
  assert.is(box.size, 2)
})

mailbox('gives letters in their order, those that were put back before those that came since', () => {
  const box = new Mailbox<string>([one] as ShardId[], 9)
  for (const callId of [0, 1, 2]) box.put(one as ShardId, letter(callId))
  const taken = box.take(one as ShardId, 2)
  assert.equal(
    taken.map(({ callId }) => callId),
    [0, 1],
  )
  box.put(one as ShardId, letter(3))
  box.putBack(one as ShardId, taken.slice(1))
  assert.equal(
    box.take(one as ShardId, 9).map(({ callId }) => callId),
    [1, 2, 3],
  )
  assert.is(box.size, 0)
})

mailbox.run()
