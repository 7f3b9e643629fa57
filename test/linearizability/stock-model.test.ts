/** The model that histories are held against: written apart from the rules, so it needs examples of its own. */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { type StockInput, type StockState, stockModel } from './stock-model.ts'

type Step = StockInput extends infer One ? (One extends unknown ? Omit<One, 'productId'> : never) : never

function afterSteps(steps: readonly Step[]): { readonly state: StockState; readonly outputs: string[] } {
  let state = stockModel.initial
  const outputs = steps.map((step) => {
    const applied = stockModel.apply(state, { productId: 'phone', ...step } as StockInput)
    state = applied.state
    return applied.output
  })
  return { state, outputs }
}

const test = suite('the model of one product')

test('knows nothing of a product before its first units', () => {
  const { outputs } = afterSteps([
    { type: 'read' },
    { type: 'reserve', quantity: 1, tag: 1 },
    { type: 'adjust', delta: -1 },
    { type: 'look', tag: 1 },
    { type: 'adjust', delta: 3 },
    { type: 'read' },
  ])
  assert.equal(outputs, [
    'refused unknown-product',
    'refused unknown-product',
    'refused unknown-product',
    'refused unknown-reservation',
    'version 1: 3 on hand, 0 held, 0 sold',
    'version 1: 3 on hand, 0 held, 0 sold',
  ])
})

test('holds what is there, no more, and each hold ends once', () => {
  const { state, outputs } = afterSteps([
    { type: 'adjust', delta: 5 },
    { type: 'reserve', quantity: 3, tag: 1 },
    { type: 'reserve', quantity: 3, tag: 2 },
    { type: 'reserve', quantity: 2, tag: 3 },
    { type: 'adjust', delta: -1 },
    { type: 'confirm', tag: 1 },
    { type: 'release', tag: 1 },
    { type: 'release', tag: 3 },
    { type: 'look', tag: 3 },
    { type: 'read' },
  ])
  assert.equal(outputs, [
    'version 1: 5 on hand, 0 held, 0 sold',
    'held, 2 left',
    'refused out-of-stock 2',
    'held, 0 left',
    'refused stock-below-held 5 5',
    'confirmed',
    'refused reservation-resolved confirmed',
    'released',
    'released',
    'version 5: 2 on hand, 0 held, 3 sold',
  ])
  assert.is(stockModel.textOf(state), '5/2/0/3 1c 3r')
})

test('sets stock where it is at the version it was read at', () => {
  const { outputs } = afterSteps([
    { type: 'set', units: 4, expectedVersion: 0 },
    { type: 'set', units: 9, expectedVersion: 0 },
    { type: 'set', units: 9, expectedVersion: 1 },
  ])
  assert.equal(outputs, [
    'version 1: 4 on hand, 0 held, 0 sold',
    'refused stock-version-mismatch 1',
    'version 2: 9 on hand, 0 held, 0 sold',
  ])
})

test('has one text for the same reservations in another order, and changes nothing in place', () => {
  const first = { type: 'reserve', quantity: 1, tag: 1 } as const
  const second = { type: 'reserve', quantity: 1, tag: 2 } as const
  const { state: one } = afterSteps([{ type: 'adjust', delta: 5 }, first, second])
  const { state: other } = afterSteps([{ type: 'adjust', delta: 5 }, second, first])
  assert.is(stockModel.textOf(one), stockModel.textOf(other))
  stockModel.apply(one, { productId: 'phone', type: 'confirm', tag: 1 })
  assert.is(stockModel.textOf(one), stockModel.textOf(other))
})

test.run()
