/** A small slice of the histories: that they are linearizable, and that one which is not would be noticed. */
import * as assert from 'uvu/assert'
import { randomFrom } from '../support/load-client.ts'
import { note, suite } from '../support/suite.ts'
import { checkLinearizable } from './checker.ts'
import { corruptedAnswers, withAnswer } from './corruptions.ts'
import { checkHistories, stepsToExplain } from './history-rounds.ts'
import { type Operation, partition } from './operation.ts'
import { type StockInput, stockModel } from './stock-model.ts'

/** Of the answers, as many are corrupted, one at a time: all of them would take long. */
const CORRUPTED_SHARE = 0.15
/** Refusals that overlap changes may say one number or the other; whatever shows all of a product's stock may not. */
const REFUSED_SHARE = { ofAll: 0.9, ofReads: 0.99 }

const test = suite('histories of a real server', { limitMs: 90_000 })
const recorded: (readonly Operation<StockInput>[])[] = []

test('that is killed in their middle are linearizable, product by product', async () => {
  const onHistory = (operations: readonly Operation<StockInput>[]) => void recorded.push(operations)
  const report = await checkHistories({ histories: 2, seed: 1, operations: 500, onHistory })
  note(JSON.stringify(report))
  assert.ok(report.operations > 900, 'most of what was asked was answered, or may have happened')
  assert.ok(report.kills >= 2)
  assert.ok(report.unanswered > 0, 'some operations stay open')
  assert.ok(report.askedAgain > 0, 'some were asked again of the next server')
})

/** Each makes of a history that was true one that cannot be. */
const lies: Readonly<
  Record<string, (operations: readonly Operation<StockInput>[]) => Operation<StockInput>[]>
> = {
  'a last read that has not heard of the last change': (operations) =>
    readAgain(operations, (version) => version - 1),
  'a last read of a change that nobody asked for': (operations) =>
    readAgain(operations, (version) => version + 1_000),
  'an acknowledged reservation that nobody made': (operations) =>
    operations.filter((_, index) => index !== acknowledgedReserve(operations)),
  'a reservation that was acknowledged and not made': (operations) => {
    const last = operations.at(-1) as Operation<StockInput>
    const { productId } = last.input
    const made: Operation<StockInput> = {
      client: 0,
      input: { type: 'reserve', productId, quantity: 1, tag: 999_999 },
      invokedAt: Number(last.answer?.at) + 1,
      answer: { at: Number(last.answer?.at) + 2, output: 'held, 0 left' },
    }
    return [...operations, made, later(last, 2)]
  },
}

for (const [name, lie] of Object.entries(lies)) {
  test(`would show ${name}`, () => {
    for (const operations of recorded)
      assert.throws(() => stepsToExplain(lie(operations), 'a lie'), /impossible/)
  })
}

test('would show almost any other number in any single answer', () => {
  const found = { reads: { refused: 0, all: 0 }, others: { refused: 0, all: 0 } }
  const random = randomFrom(2)
  for (const part of recorded.flatMap((one) => [...partition(one, ({ productId }) => productId).values()])) {
    for (const [index, { input, answer }] of part.entries()) {
      if (answer === undefined || random() > CORRUPTED_SHARE) continue
      const kind = input.type === 'read' ? found.reads : found.others
      for (const output of corruptedAnswers(answer.output, random)) {
        kind.all += 1
        const verdict = checkLinearizable(stockModel, withAnswer(part, { index, output }))
        if (verdict.type === 'impossible') kind.refused += 1
      }
    }
  }
  note(JSON.stringify(found))
  const { reads, others } = found
  assert.ok(reads.all > 50 && others.all > 50)
  assert.ok(reads.refused / reads.all >= REFUSED_SHARE.ofReads)
  assert.ok((reads.refused + others.refused) / (reads.all + others.all) >= REFUSED_SHARE.ofAll)
})

test.run()

/** The last read once more, with another version in its answer. */
function readAgain(
  operations: readonly Operation<StockInput>[],
  versionOf: (version: number) => number,
): Operation<StockInput>[] {
  const last = operations.at(-1) as Operation<StockInput>
  const told = Number(/^version (\d+)/.exec(last.answer?.output ?? '')?.[1])
  const again = later(last, 0)
  const output = String(again.answer?.output).replace(/^version \d+/, `version ${versionOf(told)}`)
  return [...operations, { ...again, answer: { at: Number(again.answer?.at), output } }]
}

function later(read: Operation<StockInput>, by: number): Operation<StockInput> {
  const at = Number(read.answer?.at) + by
  return { ...read, invokedAt: at + 1, answer: { at: at + 2, output: String(read.answer?.output) } }
}

/** The last one whose reservation somebody settled: without it that cannot be. */
function acknowledgedReserve(operations: readonly Operation<StockInput>[]): number {
  const settled = new Set(
    operations.flatMap(({ input, answer }) =>
      (input.type === 'confirm' || input.type === 'release') && answer !== undefined ? [input.tag] : [],
    ),
  )
  return operations.findLastIndex(({ input }) => input.type === 'reserve' && settled.has(input.tag))
}
