/** Which life of a worker engines are connected to, here or at other nodes, and until when. */
import * as assert from 'uvu/assert'
import { FollowedShards } from '../../src/actors/followed-shards.ts'
import type { ToEngine, WorkerState } from '../../src/actors/protocol.ts'
import type { RemoteShards, ServedShard } from '../../src/actors/remote-shards.ts'
import { Switchboard } from '../../src/actors/switchboard.ts'
import { lastWordsMs } from '../../src/limits.ts'
import { startMs } from '../support/in-process-engine.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'

const READY: WorkerState = { type: 'ready', room: 'all' }
const STARTING: WorkerState = { type: 'starting' }

class Board {
  readonly timers = new ManualTimers(new ManualClock(startMs))
  readonly switchboard = new Switchboard(1)
  /** What an engine was told, but for ports. */
  readonly told: string[] = []
  /** Which lives were given a port. */
  readonly connected: string[] = []
  readonly served = new Map<string, ServedShard>()
  readonly remotes: RemoteShards = {
    servedBy: (nodeId) => this.served.get(nodeId),
    link: (nodeId, { life }) => void this.connected.push(`${nodeId} ${life}`),
    noteServed() {},
    noteEnded() {},
    noteQuarantined() {},
  }
  readonly followed = new FollowedShards(this.switchboard, this.remotes, this.timers.session())

  constructor() {
    const wire = new Wire<never, ToEngine>()
    wire.near.receive((message) => {
      if (message.type === 'link') message.port.close()
      this.told.push(message.type === 'state' ? message.state.type : message.type)
    })
    this.switchboard.attach(wire.far)
  }

  begin(name: string, state = READY): void {
    this.switchboard.begin(0, { name, state, connect: () => void this.connected.push(name) })
  }

  /** What was told since it was last asked. */
  news(): string[] {
    return this.told.splice(0)
  }
}

const switchboard = suite('the switchboard')

switchboard('connects the next life when the present one is over, with what it can do by then', () => {
  const board = new Board()
  board.begin('here 1', STARTING)
  board.switchboard.become(0, 'here 1', READY)
  assert.equal(board.news(), ['link', 'starting', 'ready'])
  board.begin('here 2', STARTING)
  board.switchboard.become(0, 'here 2', READY)
  assert.equal(board.news(), [], 'the first goes on')
  assert.equal(board.switchboard.readiness, [{ worker: 0, state: READY }])
  board.switchboard.end(0, 'here 1')
  assert.equal(board.news(), ['down', 'starting', 'link', 'ready'])
  assert.equal(board.connected, ['here 1', 'here 2'])
})

switchboard('forgets a life that ends before its turn, and hears nothing of one that is over', () => {
  const board = new Board()
  board.begin('here 1')
  board.begin('here 2')
  board.switchboard.end(0, 'here 2')
  board.switchboard.end(0, 'here 1')
  board.switchboard.end(0, 'here 1')
  assert.equal(board.news(), ['link', 'ready', 'down', 'starting'])
  board.begin('here 3')
  board.switchboard.become(0, 'here 1', STARTING)
  assert.equal(board.news(), ['link', 'ready'])
})

switchboard('says of a worker that has not begun why not', () => {
  const board = new Board()
  board.switchboard.become(0, 'here 0', { type: 'stopped', why: 'it is lost' })
  assert.equal(board.news(), ['stopped'])
  assert.equal(board.switchboard.stateOf(0), { type: 'stopped', why: 'it is lost' })
})

switchboard.run()

const followed = suite('a shard that other nodes serve')

followed('is where the node that is followed says, and nowhere while that serves none', () => {
  const board = new Board()
  board.followed.noteServed('b', { shard: 0, life: 1, state: READY })
  board.followed.follow(0, 'a')
  assert.equal(board.news(), [])
  board.followed.noteServed('a', { shard: 0, life: 4, state: STARTING })
  board.followed.noteServed('a', { shard: 0, life: 4, state: READY })
  assert.equal(board.news(), ['link', 'starting', 'ready'])
  board.followed.noteServed('a', { shard: 0, life: 5, state: READY })
  assert.equal(board.news(), ['down', 'starting', 'link', 'ready'])
  board.followed.noteEnded('a', { shard: 0, life: 4 })
  assert.equal(board.news(), [])
  board.followed.noteEnded('a', { shard: 0, life: 5 })
  assert.equal(board.news(), ['down', 'starting'])
  assert.equal(board.connected, ['a 4', 'a 5'])
})

followed('is known at once where its node had said so before', () => {
  const board = new Board()
  board.served.set('a', { shard: 0, life: 2, state: READY })
  board.followed.follow(0, 'a')
  assert.equal(board.news(), ['link', 'ready'])
})

followed('is listened to until its last words when it has moved', async () => {
  const board = new Board()
  board.followed.follow(0, 'a')
  board.followed.noteServed('a', { shard: 0, life: 1, state: READY })
  board.news()
  board.followed.follow(0, 'b')
  board.followed.noteServed('b', { shard: 0, life: 7, state: READY })
  await board.timers.advance(lastWordsMs - 1)
  assert.equal(board.news(), [])
  board.followed.noteEnded('a', { shard: 0, life: 1 })
  assert.equal(board.news(), ['down', 'starting', 'link', 'ready'])
  await board.timers.advance(2 * lastWordsMs)
  assert.equal(board.news(), [])
})

followed('is not waited for in vain', async () => {
  const board = new Board()
  board.followed.follow(0, 'a')
  board.followed.noteServed('a', { shard: 0, life: 1, state: READY })
  board.followed.forget(0)
  board.begin('here 1')
  board.news()
  await board.timers.advance(lastWordsMs)
  assert.equal(board.news(), ['down', 'starting', 'link', 'ready'])
  assert.equal(board.connected, ['a 1', 'here 1'])
})

followed('is the same as before where it is found again at the node that was left', async () => {
  const board = new Board()
  const served = { shard: 0, life: 1, state: READY }
  board.followed.follow(0, 'a')
  board.followed.noteServed('a', served)
  board.served.set('a', served)
  board.followed.forget(0)
  board.followed.follow(0, 'a')
  await board.timers.advance(2 * lastWordsMs)
  assert.equal(board.news(), ['link', 'ready', 'ready'])
  assert.equal(board.connected, ['a 1'])
})

followed.run()
