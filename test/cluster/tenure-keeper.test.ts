/** When a node believes in its leases: every answer of Redis, at every bad moment, with time in the test's hand. */
import type { Redis } from 'ioredis'
import * as assert from 'uvu/assert'
import { LeaseBoard } from '../../src/actors/lease-board.ts'
import type { LeaseRequest, Round } from '../../src/cluster/leases.ts'
import { TenureKeeper } from '../../src/cluster/tenure-keeper.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { Dice } from '../support/dice.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'

const SHARD = 1 as ShardId
const LEASE_MS = 1_000
const BELIEF_MS = 900

type Sent = {
  readonly requests: readonly LeaseRequest[]
  answer(outcome: Round['outcomes'][number], safety?: Partial<Round>): Promise<void>
  fail(): Promise<void>
}

/** A keeper whose rounds the test answers, when and as it likes. */
class World {
  readonly timers = new ManualTimers(new ManualClock(0))
  readonly board = LeaseBoard.of(2)
  readonly sent: Sent[] = []
  readonly told: string[] = []
  readonly keeper: TenureKeeper

  constructor() {
    const primary = {} as Redis
    this.keeper = new TenureKeeper({
      leases: {
        byPrimary: (each) => new Map([...each].length === 0 ? [] : [[primary, [...each]]]),
        round: (_primary, requests) => this.#round(requests),
      },
      board: this.board,
      replicas: 1,
      leaseMs: LEASE_MS,
      clock: this.timers.clock,
      timers: this.timers.session(),
      random: new Dice(1),
      log: () => {},
      held: ({ shard }) => this.told.push(`held ${shard}`),
      lost: ({ shard }, why) => this.told.push(`lost ${shard}: ${why}`),
      refused: (shard) => this.told.push(`refused ${shard}`),
    })
    this.keeper.start()
  }

  get nowMs(): number {
    return this.timers.clock.monotonicMs()
  }

  get isHeld(): boolean {
    return this.board.isHeld(SHARD, this.nowMs)
  }

  get last(): Sent {
    return this.sent.at(-1) as Sent
  }

  /** Claims the shard and is given it. */
  async held(): Promise<void> {
    this.keeper.claim([SHARD])
    await this.last.answer('ours')
  }

  #round(requests: readonly LeaseRequest[]): Promise<Round> {
    return new Promise((resolve, reject) => {
      this.sent.push({
        requests,
        answer: async (outcome, safety) => {
          resolve({ outcomes: requests.map(() => outcome), isSafe: true, replicas: 1, ...safety })
          await this.timers.settle()
        },
        fail: async () => {
          reject(new Error('no answer'))
          await this.timers.settle()
        },
      })
    })
  }
}

const keeper = suite('the keeper of tenures')

keeper('believes from before the claim was sent, however late the answer comes', async () => {
  const world = new World()
  world.keeper.claim([SHARD])
  assert.equal(
    world.last.requests.map(({ type }) => type),
    ['claim'],
  )
  await world.timers.advance(200)
  assert.not.ok(world.isHeld)
  const answeredMs = world.nowMs
  await world.last.answer('ours')
  assert.equal(world.told, ['held 1'])
  assert.is(world.board.endsAtMs(SHARD), answeredMs - 200 + BELIEF_MS)
})

keeper('a claim answered when its lease may be over already is not believed in', async () => {
  const world = new World()
  world.keeper.claim([SHARD])
  await world.timers.advance(BELIEF_MS)
  await world.last.answer('ours')
  assert.not.ok(world.isHeld)
  assert.equal(world.told, [])
  await world.timers.advance(LEASE_MS / 4)
  await world.last.answer('ours')
  assert.equal([world.isHeld, world.told], [true, ['held 1']])
})

keeper('what too few replicas have is not believed in, and lengthens nothing', async () => {
  const world = new World()
  world.keeper.claim([SHARD])
  await world.last.answer('ours', { isSafe: false })
  assert.equal([world.isHeld, world.told], [false, []])
  await world.timers.advance(LEASE_MS / 4)
  assert.equal(
    world.last.requests.map(({ type }) => type),
    ['renew'],
  )
  await world.last.answer('ours')
  const endsAtMs = world.board.endsAtMs(SHARD)
  assert.equal(world.told, ['held 1'])
  await world.timers.advance(LEASE_MS / 4)
  await world.last.answer('ours', { isSafe: false })
  assert.is(world.board.endsAtMs(SHARD), endsAtMs)
})

keeper('more replicas than the policy counts allow no acknowledgement, and the lease goes on', async () => {
  const world = new World()
  await world.held()
  assert.ok(world.board.mayAcknowledge(SHARD))
  await world.timers.advance(LEASE_MS / 4)
  await world.last.answer('ours', { replicas: 2 })
  assert.equal([world.isHeld, world.board.mayAcknowledge(SHARD)], [true, false])
  await world.timers.advance(LEASE_MS / 4)
  await world.last.answer('ours')
  assert.ok(world.board.mayAcknowledge(SHARD))
})

keeper(
  'a lease that cannot be renewed is lost at its end, to the millisecond, whatever is under way',
  async () => {
    const world = new World()
    await world.held()
    await world.timers.advance(LEASE_MS / 4)
    await world.timers.advance(BELIEF_MS - LEASE_MS / 4 - 1)
    assert.equal([world.isHeld, world.told], [true, ['held 1']])
    await world.timers.advance(1)
    assert.equal([world.isHeld, world.told.at(-1)], [false, 'lost 1: its lease could not be renewed in time'])
    await world.last.answer('ours')
    assert.equal([world.isHeld, world.told.length], [false, 2], 'what is answered later changes nothing (K3)')
  },
)

keeper('a renewal that is refused is a loss at once', async () => {
  const world = new World()
  await world.held()
  await world.timers.advance(LEASE_MS / 4)
  await world.last.answer('refused')
  assert.not.ok(world.isHeld)
  assert.match(world.told.at(-1) as string, /^lost 1/)
  assert.is(world.keeper.of(SHARD), undefined)
})

keeper('a claim that is refused was never held', async () => {
  const world = new World()
  world.keeper.claim([SHARD])
  await world.last.answer('refused')
  assert.equal([world.isHeld, world.told, world.keeper.of(SHARD)], [false, ['refused 1'], undefined])
})

keeper(
  'a claim of unknown outcome is sent again, as the same tenure, and given up after a lease',
  async () => {
    const world = new World()
    world.keeper.claim([SHARD])
    const token = world.last.requests[0]?.token
    await world.last.fail()
    await world.timers.advance(LEASE_MS / 4)
    assert.equal(world.last.requests, [{ type: 'claim', shard: SHARD, token, to: undefined }])
    await world.timers.advance(LEASE_MS)
    assert.equal([world.told, world.keeper.of(SHARD)], [['refused 1'], undefined])
    await world.last.answer('ours')
    assert.not.ok(world.isHeld)
  },
)

keeper(
  'after a standstill it is off the board before anything runs, and lost before an answer counts',
  async () => {
    const world = new World()
    await world.held()
    await world.timers.advance(LEASE_MS / 4)
    world.timers.clock.pass(5 * LEASE_MS)
    assert.not.ok(world.isHeld)
    await world.last.answer('ours')
    assert.equal([world.isHeld, world.told.at(-1)], [false, 'lost 1: its lease could not be renewed in time'])
  },
)

keeper(
  'one round is under way at a time; what comes up meanwhile goes with the next one, at once',
  async () => {
    const world = new World()
    world.keeper.claim([SHARD])
    world.keeper.claim([0 as ShardId])
    assert.is(world.sent.length, 1)
    await world.last.answer('ours')
    assert.equal(
      world.last.requests.map(({ type, shard }) => [type, shard]),
      [
        ['renew', 1],
        ['claim', 0],
      ],
    )
  },
)

keeper('a shard on its way to another node is renewed, and says where to', async () => {
  const world = new World()
  await world.held()
  const tenure = world.keeper.of(SHARD)
  if (tenure === undefined) throw new Error('no tenure')
  world.keeper.leave(tenure, 'b')
  assert.is(world.last.requests[0]?.to, 'b')
  await world.last.answer('ours')
  assert.ok(world.isHeld)
  world.keeper.end(tenure)
  assert.not.ok(world.isHeld)
})

keeper.run()
