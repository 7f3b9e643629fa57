/** What a shard says to others by itself: settlements nobody acknowledged, and questions about holds nobody settled. */
import * as assert from 'uvu/assert'
import { type Duty, SplitDuties } from '../../src/actors/split-duties.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { ReservationId, ShardId } from '../../src/domain/ids.ts'
import { abortedStep } from '../../src/domain/split.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import { doubtAfterMs, redeliverAfterMs } from '../../src/limits.ts'
import { cable, noonMs, stockAdjusted } from '../domain/examples.ts'
import { complete, type Happened } from '../domain/given.ts'
import {
  elsewhere,
  farAway,
  holdPlaced,
  holdSettled,
  home,
  madeAtHome,
  ownSettled,
  screen,
  split1,
  splitAcknowledged,
  splitHeld,
  splitIdOf,
  splitSettled,
  threeLines,
} from '../domain/split-examples.ts'
import { suite } from '../support/suite.ts'

const gone = { held: 0, sold: 0 }

/** A shard's state and its duties, which hear of each event as it happens. */
class Speaker {
  readonly #state = emptyShard()
  #duties: SplitDuties
  readonly #shard: ShardId
  nowMs = noonMs

  constructor(shard: ShardId, ...history: readonly Happened[]) {
    this.#shard = shard
    this.#duties = new SplitDuties(shard, this.#state, this.nowMs)
    this.happens(...history)
  }

  happens(...history: readonly Happened[]): this {
    for (const happened of history) {
      const event = complete(this.#state, happened)
      evolve(this.#state, event, this.nowMs)
      this.#duties.note(event, this.nowMs)
    }
    return this
  }

  /** A new worker, from the state alone. */
  restart(): this {
    this.#duties = new SplitDuties(this.#shard, this.#state, this.nowMs)
    return this
  }

  after(ms: number): this {
    this.nowMs += ms
    return this
  }

  says(max = 100): readonly string[] {
    return this.#duties.take(this.nowMs, max).map(wordsOf)
  }

  settleDoubt(id: ReservationId): this {
    this.#duties.settleDoubt(id)
    return this
  }

  get size(): number {
    return this.#duties.size
  }

  get dueInMs(): number {
    return this.#duties.firstAtMs - this.nowMs
  }
}

function wordsOf(duty: Duty): string {
  if (duty.type === 'ask') return `${duty.participant} asks for ${Number(duty.reservationId.slice(4, 30))}`
  const { reservationId, shard, step, lines } = duty.settlement
  const stands = lines.map(({ held, sold }) => `${held}+${sold}`).join(' ')
  return `tells ${shard} of ${Number(reservationId.slice(4, 30))} step ${step}: ${stands}`
}

const telling = suite('a home whose settlement nobody acknowledged')

telling('tells it after a second, and again, until it is', () => {
  const speaker = new Speaker(home, ...madeAtHome)
  assert.equal([speaker.size, speaker.dueInMs], [0, Number.POSITIVE_INFINITY])
  speaker.happens(splitSettled(1, { quantities: [1, 2, 2] }))
  assert.equal([speaker.size, speaker.dueInMs], [1, redeliverAfterMs])
  assert.equal(speaker.says(), [])
  assert.equal(speaker.after(redeliverAfterMs - 1).says(), [])
  assert.equal(speaker.after(1).says(), ['tells 1 of 1 step 1: 2+0'])
  assert.equal(speaker.says(), [])
  assert.is(speaker.dueInMs, redeliverAfterMs)
  assert.equal(speaker.after(redeliverAfterMs).says(), ['tells 1 of 1 step 1: 2+0'])
  speaker.happens(splitAcknowledged(1))
  assert.equal([speaker.size, speaker.dueInMs], [0, Number.POSITIVE_INFINITY])
  assert.equal(speaker.after(redeliverAfterMs).says(), [])
})

telling('tells the newest only, and waits anew with each', () => {
  const speaker = new Speaker(home, ...madeAtHome, splitSettled(1, { quantities: [1, 2, 2] }))
  speaker.after(600).happens(splitSettled(2, { quantities: [1, 2, 1] }))
  assert.equal(speaker.after(600).says(), [])
  assert.equal(speaker.after(400).says(), ['tells 1 of 1 step 2: 1+0'])
})

telling('tells each shard that has not heard, and no other', () => {
  const far = { productId: screen, shard: farAway, quantity: 1, available: 0, holdVersion: 2 }
  const made = splitHeld({ lines: [...threeLines, far] })
  const settled = splitSettled(1, { status: 'released', quantities: [1, 2, 3, 1], returned: [0, 0, 0, 0] })
  const speaker = new Speaker(home, ...madeAtHome.slice(0, -1), made, settled, ...ownSettled(1, gone, gone))
  assert.equal(speaker.after(redeliverAfterMs).says(), [
    'tells 1 of 1 step 1: 0+0',
    'tells 2 of 1 step 1: 0+0',
  ])
  speaker.happens(splitAcknowledged(1, elsewhere))
  assert.equal(speaker.after(redeliverAfterMs).says(), ['tells 2 of 1 step 1: 0+0'])
  speaker.happens(splitAcknowledged(1, farAway))
  assert.is(speaker.size, 0)
})

telling('tells it at once after a restart', () => {
  const speaker = new Speaker(home, ...madeAtHome, splitSettled(1, { quantities: [1, 2, 2] }))
  assert.is(speaker.restart().dueInMs, 0)
  assert.equal(speaker.says(), ['tells 1 of 1 step 1: 2+0'])
  assert.is(speaker.dueInMs, redeliverAfterMs)
})

telling('of one shard alone has nobody to tell', () => {
  const own = splitHeld({ lines: threeLines.slice(0, 2) })
  const settled = splitSettled(1, { status: 'released', quantities: [1, 2], returned: [0, 0] })
  const speaker = new Speaker(home, ...madeAtHome.slice(0, -1), own, settled)
  assert.is(speaker.size, 0)
  assert.is(speaker.restart().size, 0)
})

telling.run()

const asking = suite('a shard whose hold nobody settled')

const held = [stockAdjusted(10), holdPlaced(3)]

asking('asks after five seconds, and again, until the home has answered', () => {
  const speaker = new Speaker(elsewhere, ...held)
  assert.equal([speaker.size, speaker.dueInMs], [1, doubtAfterMs])
  assert.equal(speaker.after(doubtAfterMs - 1).says(), [])
  assert.equal(speaker.after(1).says(), ['1 asks for 1'])
  assert.equal(speaker.after(doubtAfterMs).says(), ['1 asks for 1'])
  speaker.settleDoubt(split1)
  assert.equal([speaker.size, speaker.dueInMs], [0, Number.POSITIVE_INFINITY])
})

asking('need not once its home has settled it, or aborted', () => {
  for (const settled of [
    holdSettled(1, { held: 1 }),
    holdSettled(1, { sold: 3 }),
    holdSettled(abortedStep, {}),
  ]) {
    const speaker = new Speaker(elsewhere, ...held, settled)
    assert.is(speaker.size, 0)
    assert.equal(speaker.after(doubtAfterMs).says(), [])
  }
})

asking('asks once for all its holds of a reservation', () => {
  const speaker = new Speaker(
    elsewhere,
    ...held,
    stockAdjusted(5, { productId: screen }),
    holdPlaced(1, { productId: screen }),
  )
  assert.equal(speaker.after(doubtAfterMs).says(), ['1 asks for 1'])
})

asking('never asks itself', () => {
  const speaker = new Speaker(home, ...madeAtHome)
  assert.is(speaker.size, 0)
  assert.is(speaker.restart().size, 0)
})

asking('asks at once after a restart, where nobody has settled it, and not where somebody has', () => {
  const settled = [
    holdPlaced(1, { reservationId: splitIdOf(2) }),
    holdSettled(1, { sold: 1 }, { reservationId: splitIdOf(2) }),
  ]
  const speaker = new Speaker(elsewhere, ...held, ...settled).restart()
  assert.equal([speaker.size, speaker.dueInMs], [1, 0])
  assert.equal(speaker.says(), ['1 asks for 1'])
})

asking('asks again for a hold that was placed again', () => {
  const speaker = new Speaker(elsewhere, ...held, holdSettled(1, gone), holdPlaced(2))
  assert.equal(speaker.after(doubtAfterMs).says(), ['1 asks for 1'])
})

asking.run()

const turns = suite('what a shard says in one turn')

turns('is no more than it may, the oldest first, and the rest in the next', () => {
  const many = Array.from({ length: 5 }, (_, n) => holdPlaced(1, { reservationId: splitIdOf(n + 1) }))
  const speaker = new Speaker(elsewhere, stockAdjusted(10), ...many).after(doubtAfterMs)
  const said = [speaker.says(2), speaker.says(2), speaker.says(2), speaker.says(2)]
  assert.equal(said, [
    ['1 asks for 1', '1 asks for 2'],
    ['1 asks for 3', '1 asks for 4'],
    ['1 asks for 5'],
    [],
  ])
  assert.is(speaker.dueInMs, doubtAfterMs)
})

turns('has its settlements first, since units wait for them', () => {
  const settled = splitSettled(1, { quantities: [1, 2, 2] })
  const another = holdPlaced(1, { reservationId: splitIdOf(2, elsewhere), productId: cable })
  const speaker = new Speaker(home, ...madeAtHome, settled, another).after(doubtAfterMs)
  assert.equal(speaker.says(1), ['tells 1 of 1 step 1: 2+0'])
  assert.equal(speaker.says(1), ['0 asks for 2'])
})

turns.run()
