/** What the home of a reservation of several products says to whoever reserves, pays, sells or gives back. */
import * as assert from 'uvu/assert'
import { reservationLifetimeMsMax } from '../../src/domain/bounds.ts'
import type { ReservationCommand } from '../../src/domain/commands.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { Event } from '../../src/domain/events.ts'
import { suite } from '../support/suite.ts'
import {
  cable,
  closeReturns,
  confirm,
  expire,
  extend,
  forget,
  giveBack,
  hourMs,
  minuteMs,
  noonMs,
  phone,
  release,
  secondMs,
  startPayment,
} from './examples.ts'
import { given, type Happened, isBroken } from './given.ts'
import {
  elsewhere,
  type Item,
  itemsOf,
  madeAtHome,
  ofSplit,
  ownSettled,
  screen,
  shell,
  split2,
  splitAcknowledged,
  splitExtended,
  splitForgotten,
  splitPaymentStarted,
  splitSettled,
} from './split-examples.ts'

const all = [1, 2, 3]
const latestExpiryMs = noonMs + reservationLifetimeMsMax
const gone = { held: 0, sold: 0 }

const confirmed: readonly Happened[] = [
  ...madeAtHome,
  splitSettled(1, { status: 'confirmed' }),
  ...ownSettled(1, { sold: 1 }, { sold: 2 }),
]
const released = [...madeAtHome, splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone)]
const expired = [...madeAtHome, splitSettled(1, { status: 'expired' }), ...ownSettled(1, gone, gone)]
const closed = [
  ...confirmed,
  splitSettled(2, { status: 'confirmed', closed: true }),
  ...ownSettled(2, { sold: 1, closed: true }, { sold: 2, closed: true }),
]

const states = suite('every command of a reservation of several products in every state')

const histories = {
  held: madeAtHome,
  paying: [...madeAtHome, splitPaymentStarted()],
  confirmed,
  'wholly returned': [
    ...confirmed,
    splitSettled(2, { status: 'confirmed', returned: all }),
    ...ownSettled(2, gone, gone),
  ],
  'returns closed': [...closed, splitAcknowledged(2)],
  'returns closed, and not all have heard': closed,
  released: [...released, splitAcknowledged(1)],
  'released, and not all have heard': released,
  expired: [...expired, splitAcknowledged(1)],
  forgotten: [...released, splitAcknowledged(1), splitForgotten()],
} satisfies Record<string, readonly Happened[]>

const commands = {
  extend: ofSplit(extend(hourMs)),
  startPayment: ofSplit(startPayment()),
  release: ofSplit(release()),
  confirm: ofSplit(confirm()),
  return: ofSplit(giveBack()),
  expire: ofSplit(expire()),
  closeReturns: ofSplit(closeReturns()),
  forget: ofSplit(forget()),
} satisfies { [Type in ReservationCommand['type']]: ReservationCommand }

/** `broken` is for commands only the shard gives, and only in the right state. */
type Answer = Event['type'] | Refusal['reason'] | 'nothing' | 'broken'

const matrix: Record<keyof typeof histories, Record<keyof typeof commands, Answer>> = {
  held: { ...living(), extend: 'SplitExtended', startPayment: 'SplitPaymentStarted' },
  paying: { ...living(), extend: 'paymentStarted', startPayment: 'nothing' },
  confirmed: { ...resolved(), return: 'SplitSettled', closeReturns: 'SplitSettled', forget: 'broken' },
  'wholly returned': {
    ...resolved(),
    return: 'exceedsConfirmed',
    closeReturns: 'SplitSettled',
    forget: 'broken',
  },
  'returns closed': { ...resolved(), return: 'returnWindowOver' },
  'returns closed, and not all have heard': { ...resolved(), return: 'returnWindowOver', forget: 'broken' },
  released: resolved(),
  'released, and not all have heard': { ...resolved(), forget: 'broken' },
  expired: resolved(),
  forgotten: {
    extend: 'unknownReservation',
    startPayment: 'unknownReservation',
    release: 'unknownReservation',
    confirm: 'unknownReservation',
    return: 'unknownReservation',
    expire: 'unknownReservation',
    closeReturns: 'unknownReservation',
    forget: 'unknownReservation',
  },
}

function living(): Record<keyof typeof commands, Answer> {
  return {
    extend: 'SplitExtended',
    startPayment: 'SplitPaymentStarted',
    release: 'SplitSettled',
    confirm: 'SplitSettled',
    return: 'notConfirmed',
    expire: 'SplitSettled',
    closeReturns: 'broken',
    forget: 'broken',
  }
}

function resolved(): Record<keyof typeof commands, Answer> {
  return {
    extend: 'reservationResolved',
    startPayment: 'reservationResolved',
    release: 'reservationResolved',
    confirm: 'reservationResolved',
    return: 'reservationResolved',
    expire: 'reservationResolved',
    closeReturns: 'broken',
    forget: 'SplitForgotten',
  }
}

for (const [state, history] of Object.entries(histories)) {
  for (const [name, command] of Object.entries(commands)) {
    const expected = matrix[state as keyof typeof matrix][name as keyof typeof commands]
    states(`${state}, ${name}: ${expected}`, () => {
      const { when } = given(...history)
      assert.is(answerOf(when(command).decide), expected)
    })
  }
}

function answerOf(decide: ReturnType<ReturnType<typeof given>['when']>['decide']): Answer {
  try {
    const decision = decide()
    if (decision.type === 'refused') return decision.refusal.reason
    return decision.events[0]?.type ?? 'nothing'
  } catch (error) {
    if (error instanceof Error && isBroken(/./)(error)) return 'broken'
    throw error
  }
}

states('a confirmed one is not forgotten before its return window is over, though all have heard', () => {
  const { when } = given(...confirmed, splitAcknowledged(1))
  assert.throws(() => when(ofSplit(forget())).decide(), isBroken(/first closed/))
})

states('one of another id is unknown to every command', () => {
  for (const command of Object.values(commands)) {
    given(...madeAtHome)
      .when({ ...command, reservationId: split2 })
      .refuses({ reason: 'unknownReservation' })
  }
})

states.run()

const times = suite('the deadline of a reservation of several products')

times('is moved by an extension, never back and never beyond its lifetime', () => {
  const { when } = given(...madeAtHome)
  when(ofSplit(extend(hourMs)), noonMs + minuteMs).accepts(splitExtended(noonMs + minuteMs + hourMs))
  given(...madeAtHome)
    .when(ofSplit(extend(secondMs)))
    .acceptsWithoutEvents()
    .leavesSplit({ expiresAtMs: noonMs + 10 * minuteMs })
  given(...madeAtHome)
    .when(ofSplit(extend(hourMs)), noonMs + hourMs)
    .accepts(splitExtended(latestExpiryMs))
  given(...madeAtHome)
    .when(ofSplit(extend(hourMs)), noonMs + hourMs + 1)
    .refuses({ reason: 'lifetimeExceeded', latestExpiryMs })
})

times('is set by the first payment, not before the hold ends and not after its lifetime', () => {
  const start = (payingMs: number, nowMs: number) =>
    given(...madeAtHome).when(ofSplit(startPayment(payingMs)), nowMs)
  start(15 * minuteMs, noonMs).accepts(splitPaymentStarted(noonMs + 15 * minuteMs))
  start(minuteMs, noonMs).accepts(splitPaymentStarted(noonMs + 10 * minuteMs))
  start(hourMs, noonMs + hourMs + minuteMs).accepts(splitPaymentStarted(latestExpiryMs))
  start(minuteMs, noonMs)
    .accepts(splitPaymentStarted(noonMs + 10 * minuteMs))
    .leavesSplit({ status: 'paying' })
})

times('does not keep it from being confirmed or released until its end is journaled (R1)', () => {
  const late = noonMs + 100 * hourMs
  given(...madeAtHome)
    .when(ofSplit(confirm()), late)
    .accepts(splitSettled(1, { status: 'confirmed' }), ...ownSettled(1, { sold: 1 }, { sold: 2 }))
  given(...madeAtHome)
    .when(ofSplit(release()), late)
    .accepts(splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone))
})

times('ends it, and everything it holds goes back', () => {
  for (const history of [madeAtHome, [...madeAtHome, splitPaymentStarted()]]) {
    given(...history)
      .when(ofSplit(expire()), noonMs + hourMs)
      .accepts(splitSettled(1, { status: 'expired' }), ...ownSettled(1, gone, gone))
      .leaves({ onHand: 10, held: 0, sold: 0 }, cable)
      .leaves({ onHand: 10, held: 0, sold: 0 }, shell)
      .leavesSplit({ status: 'expired', resolvedAtMs: noonMs + hourMs, unsettled: new Set([elsewhere]) })
  }
})

times.run()

const parts = suite('a part of a reservation of several products')

parts('goes back, and the rest lives on', () => {
  given(...madeAtHome)
    .when({ ...ofSplit(release()), items: itemsOf([phone, 2], [cable, 1]) })
    .accepts(splitSettled(1, { quantities: [0, 2, 1] }), ownSettled(1, gone, gone)[0] as Happened)
    .leaves({ onHand: 10, held: 0, sold: 0 }, cable)
    .leaves({ onHand: 10, held: 2, sold: 0 }, shell)
    .leavesSplit({ status: 'held', resolvedAtMs: 0, step: 1 })
    .when({ ...ofSplit(release()), items: itemsOf([phone, 1]) })
    .accepts(splitSettled(2, { quantities: [0, 2, 0] }))
    .when(ofSplit(release()))
    .accepts(
      splitSettled(3, { status: 'released', quantities: [0, 2, 0] }),
      ownSettled(3, gone, gone)[1] as Happened,
    )
    .leavesSplit({ status: 'released', resolvedAtMs: noonMs })
})

parts('that is all there is ends it, and it still says what it held last', () => {
  given(...madeAtHome)
    .when({ ...ofSplit(release()), items: itemsOf([phone, 3], [shell, 2], [cable, 1]) })
    .accepts(splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone))
  given(...madeAtHome, splitPaymentStarted())
    .when({ ...ofSplit(release()), items: itemsOf([phone, 1]) })
    .accepts(splitSettled(1, { status: 'paying', quantities: [1, 2, 2] }))
})

parts('is sold, and the rest goes back', () => {
  given(...madeAtHome)
    .when({ ...ofSplit(confirm()), items: itemsOf([shell, 1], [phone, 3]), reference: 'order 7' })
    .accepts(
      splitSettled(1, { status: 'confirmed', quantities: [0, 1, 3], reference: 'order 7' }),
      ...ownSettled(1, gone, { sold: 1 }),
    )
    .leaves({ onHand: 10, held: 0, sold: 0 }, cable)
    .leaves({ onHand: 9, held: 0, sold: 1 }, shell)
    .leavesSplit({ status: 'confirmed', reference: 'order 7', resolvedAtMs: noonMs })
})

parts('comes back after it was sold, as often as there is something left', () => {
  given(...confirmed)
    .when({ ...ofSplit(giveBack()), items: itemsOf([shell, 1], [phone, 1]) }, noonMs + hourMs)
    .accepts(
      splitSettled(2, { status: 'confirmed', returned: [0, 1, 1], reason: 'too small' }),
      ownSettled(2, gone, { sold: 1 })[1] as Happened,
    )
    .leaves({ onHand: 9, held: 0, sold: 1 }, shell)
    .leavesSplit({ resolvedAtMs: noonMs })
    .when(ofSplit(giveBack()))
    .accepts(
      splitSettled(3, { status: 'confirmed', returned: all, reason: 'too small' }),
      ...ownSettled(3, gone, gone),
    )
    .leaves({ onHand: 10, held: 0, sold: 0 }, shell)
    .when({ ...ofSplit(giveBack()), items: itemsOf([phone, 1]) })
    .refuses({ reason: 'exceedsConfirmed', productId: phone, requested: 1, confirmed: 0 })
})

parts('is never more than a line has: nothing of the command happens', () => {
  const live = given(...madeAtHome)
  for (const command of [ofSplit(release()), ofSplit(confirm())]) {
    const asks = (...items: readonly Item[]) => live.when({ ...command, items: itemsOf(...items) })
    const exceeds = (productId: typeof phone, requested: number, held: number): Refusal => {
      return { reason: 'exceedsHeld', productId, requested, held }
    }
    asks([cable, 1], [phone, 4]).refuses(exceeds(phone, 4, 3))
    asks([screen, 1]).refuses(exceeds(screen, 1, 0))
    asks([cable, 1], [screen, 2], [phone, 9]).refuses(exceeds(screen, 2, 0))
    asks([phone, 2], [cable, 1], [phone, 2]).refuses(exceeds(phone, 4, 3))
  }
  const sold = given(
    ...confirmed,
    splitSettled(2, { status: 'confirmed', returned: [0, 1, 0] }),
    ownSettled(2, gone, { sold: 1 })[1] as Happened,
  )
  const returns = (...items: readonly Item[]) =>
    sold.when({ ...ofSplit(giveBack()), items: itemsOf(...items) })
  returns([shell, 2]).refuses({ reason: 'exceedsConfirmed', productId: shell, requested: 2, confirmed: 1 })
  returns([screen, 1]).refuses({ reason: 'exceedsConfirmed', productId: screen, requested: 1, confirmed: 0 })
})

parts('of what was given back already is not there to sell', () => {
  given(...madeAtHome, splitSettled(1, { quantities: [0, 2, 3] }), ownSettled(1, gone, gone)[0] as Happened)
    .when({ ...ofSplit(confirm()), items: itemsOf([cable, 1]) })
    .refuses({ reason: 'exceedsHeld', productId: cable, requested: 1, held: 0 })
})

parts('lines of the same product are one line with their sum', () => {
  for (const command of [release, confirm]) {
    const apart = given(...madeAtHome)
      .when({ ...ofSplit(command()), items: itemsOf([phone, 1], [shell, 1], [phone, 1]) })
      .decide()
    const together = given(...madeAtHome)
      .when({ ...ofSplit(command()), items: itemsOf([shell, 1], [phone, 2]) })
      .decide()
    assert.equal(apart, together)
  }
})

parts.run()

const windows = suite('the return window of a reservation of several products')

windows('ends at the home: nothing comes back, and its customers count as if they had nothing', () => {
  given(...confirmed, splitAcknowledged(1))
    .when(ofSplit(closeReturns()))
    .accepts(
      splitSettled(2, { status: 'confirmed', closed: true }),
      ...ownSettled(2, { sold: 1, closed: true }, { sold: 2, closed: true }),
    )
    .leaves({ onHand: 9, held: 0, sold: 1 }, cable)
    .leavesSplit({ returnClosed: true, unsettled: new Set([elsewhere]) })
    .when(ofSplit(giveBack()))
    .refuses({ reason: 'returnWindowOver' })
})

windows('knows of no holds any more where it ended', () => {
  const { shard } = given(...closed)
  assert.is(shard.holds.size, 0)
})

windows.run()
