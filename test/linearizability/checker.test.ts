/** The checker itself, on histories whose verdict is known: by hand, and by trying every order of small ones. */
import * as assert from 'uvu/assert'
import { randomFrom } from '../support/load-client.ts'
import { suite } from '../support/suite.ts'
import { checkLinearizable, type Model } from './checker.ts'
import { type Operation, partition } from './operation.ts'

type RegisterInput =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: number }
  | { readonly type: 'swap'; readonly from: number; readonly to: number }

const register: Model<number, RegisterInput> = {
  initial: 0,
  apply(state, input) {
    if (input.type === 'read') return { state, output: String(state) }
    if (input.type === 'write') return { state: input.value, output: 'ok' }
    return input.from === state ? { state: input.to, output: 'ok' } : { state, output: 'differs' }
  },
  textOf: String,
}

type Register = Operation<RegisterInput>

/** `[from, to]` is when it was invoked and answered; without `to` it was never answered. */
type Span = readonly [from: number, to?: number]

function operation(input: RegisterInput, [invokedAt, at]: Span, output: string): Register {
  return { client: 0, input, invokedAt, ...(at !== undefined && { answer: { at, output } }) }
}
const read = (span: Span, value: number) => operation({ type: 'read' }, span, String(value))
const write = (span: Span, value: number) => operation({ type: 'write', value }, span, 'ok')
const swap = (span: Span, from: number, to: number, output = 'ok') =>
  operation({ type: 'swap', from, to }, span, output)

const good: Readonly<Record<string, readonly Register[]>> = {
  'nothing at all': [],
  'one after another': [read([1, 2], 0), write([3, 4], 7), read([5, 6], 7)],
  'reads of both values while a write goes on': [write([1, 6], 7), read([2, 3], 0), read([4, 5], 7)],
  'writes at the same time in either order': [write([1, 4], 1), write([2, 3], 2), read([5, 6], 1)],
  'a swap after the write it needs, though invoked before it': [
    swap([1, 4], 5, 6),
    write([2, 3], 5),
    read([5, 6], 6),
  ],
  'a swap that comes too late': [write([1, 4], 5), swap([2, 3], 0, 1, 'differs'), read([5, 6], 5)],
  'an unanswered write that happened': [write([1], 7), read([2, 3], 7)],
  'an unanswered write that happens long after': [write([1], 7), read([2, 3], 0), read([4, 5], 7)],
  'an unanswered write that never happened': [write([1], 7), read([2, 3], 0), read([4, 5], 0)],
  'an unanswered write after one that was answered': [
    write([1], 7),
    write([2, 3], 8),
    read([4, 5], 8),
    read([6, 7], 7),
  ],
}

const bad: Readonly<Record<string, readonly Register[]>> = {
  'a read of what nobody wrote': [write([1, 2], 7), read([3, 4], 8)],
  'a read of what was overwritten': [write([1, 2], 7), write([3, 4], 8), read([5, 6], 7)],
  'an acknowledged write that is lost': [write([1, 2], 7), read([3, 4], 0)],
  'a value that comes and goes': [write([1, 8], 7), read([2, 3], 7), read([4, 5], 0)],
  'reads that disagree on the order of two writes': [
    write([1, 12], 1),
    write([2, 11], 2),
    read([3, 4], 1),
    read([5, 6], 2),
    read([7, 8], 1),
  ],
  'two swaps that both took the same value': [swap([1, 4], 0, 1), swap([2, 3], 0, 2)],
  'an unanswered write that happened before it was invoked': [read([1, 2], 7), write([3], 7)],
  'an unanswered write that happened, and then did not': [write([1], 7), read([2, 3], 7), read([4, 5], 0)],
  'an unanswered write that happened twice': [
    write([1], 7),
    read([2, 3], 7),
    write([4, 5], 8),
    read([6, 7], 7),
  ],
}

const test = suite('the checker of linearizability')

for (const [name, operations] of Object.entries(good)) {
  test(`allows ${name}`, () => {
    const verdict = checkLinearizable(register, operations)
    assert.is(verdict.type, 'linearizable', JSON.stringify(verdict))
    if (verdict.type === 'linearizable') assert.ok(isOrder(operations, verdict.order), verdict.order.join())
  })
}

for (const [name, operations] of Object.entries(bad)) {
  test(`refuses ${name}`, () => {
    assert.is(checkLinearizable(register, operations).type, 'impossible')
  })
}

test('agrees with whoever tries every order, on thousands of small histories', () => {
  const random = randomFrom(20_260_101)
  const found = { linearizable: 0, impossible: 0, undecided: 0 }
  for (let i = 0; i < 6_000; i++) {
    const operations = randomHistory(random)
    const verdict = checkLinearizable(register, operations)
    found[verdict.type] += 1
    assert.is(verdict.type === 'linearizable', hasSomeOrder(operations), JSON.stringify(operations))
    if (verdict.type === 'linearizable') assert.ok(isOrder(operations, verdict.order))
  }
  assert.ok(found.linearizable > 1_000 && found.impossible > 1_000, JSON.stringify(found))
})

test('says which operation no order explains', () => {
  const verdict = checkLinearizable(register, [write([1, 2], 7), read([3, 4], 7), read([5, 6], 9)])
  assert.equal(verdict, { type: 'impossible', order: [0, 1], next: 2, steps: verdict.steps })
})

/** Twelve at the same time have 479 million orders. */
const together = Array.from({ length: 12 }, (_, i) => write([i, 100 + i], i))
const nobodys = read([200, 201], 99)

test('remembers what it tried', () => {
  const verdict = checkLinearizable(register, [...together, nobodys])
  assert.is(verdict.type, 'impossible')
  // Which were placed, which one of them last, and which to try next.
  assert.ok(verdict.steps < 2 ** 12 * 12 * 13, `${verdict.steps} steps`)
})

test('says that it does not know where its search was too short', () => {
  const verdict = checkLinearizable(register, [...together, nobodys], { stepsMax: 500 })
  assert.equal(verdict, { type: 'undecided', steps: 501 })
})

test('wants to know what came first', () => {
  assert.throws(() => checkLinearizable(register, [read([1, 2], 0), read([2, 3], 0)]), /two things happened/)
})

test('takes a history apart by key, each part in its order', () => {
  const operations = [write([1, 2], 1), write([3, 4], 2), write([5, 6], 3)]
  const parts = partition(operations, (input) => (input.type === 'write' && input.value % 2 ? 'odd' : 'even'))
  assert.equal([...parts.keys()], ['odd', 'even'])
  assert.equal(parts.get('odd'), [operations[0], operations[2]])
})

test.run()

/** Whether it is one by definition: each answer as the model says, nothing before what was over when it began. */
function isOrder(operations: readonly Register[], order: readonly number[]): boolean {
  const isMissing = operations.some(({ answer }, i) => answer !== undefined && !order.includes(i))
  if (isMissing || new Set(order).size !== order.length) return false
  let state = register.initial
  for (const [place, index] of order.entries()) {
    const { input, invokedAt, answer } = operations[index] as Register
    const applied = register.apply(state, input)
    if (answer !== undefined && applied.output !== answer.output) return false
    const comesLater = order.slice(place + 1).map((later) => operations[later] as Register)
    if (comesLater.some((later) => later.answer !== undefined && later.answer.at < invokedAt)) return false
    state = applied.state
  }
  return true
}

/** Tries all orders of all subsets that have every answered operation. */
function hasSomeOrder(operations: readonly Register[]): boolean {
  function goesOn(state: number, left: readonly Register[]): boolean {
    if (left.every(({ answer }) => answer === undefined)) return true
    const firstAnswer = Math.min(...left.map(({ answer }) => answer?.at ?? Number.POSITIVE_INFINITY))
    return left.some((one) => {
      if (one.invokedAt > firstAnswer) return false
      const applied = register.apply(state, one.input)
      if (one.answer !== undefined && one.answer.output !== applied.output) return false
      return goesOn(
        applied.state,
        left.filter((other) => other !== one),
      )
    })
  }
  return goesOn(register.initial, operations)
}

/** Up to six operations of up to three clients; answers are mostly what some order gives, and sometimes what none does. */
function randomHistory(random: () => number): Register[] {
  const below = (count: number) => Math.floor(random() * count)
  const operations: Register[] = []
  const freeFrom = [0, 0, 0]
  const times = new Set<number>()
  const timeAfter = (least: number) => {
    let time = least + 1 + below(8)
    while (times.has(time)) time += 1
    times.add(time)
    return time
  }
  const count = 2 + below(5)
  for (let i = 0; i < count; i++) {
    const client = below(3)
    const invokedAt = timeAfter(freeFrom[client] as number)
    const at = timeAfter(invokedAt)
    freeFrom[client] = at
    const isAnswered = random() > 0.2
    const span: Span = isAnswered ? [invokedAt, at] : [invokedAt]
    const dice = random()
    if (dice < 0.5) operations.push(read(span, below(3)))
    else if (dice < 0.8) operations.push(write(span, below(3)))
    else operations.push(swap(span, below(3), below(3), random() < 0.7 ? 'ok' : 'differs'))
  }
  return operations
}
