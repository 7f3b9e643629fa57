/** Histories with one answer that nobody gave: a number in it is off by one, or it says that a reservation ended otherwise. */
import type { Operation } from './operation.ts'
import type { StockInput } from './stock-model.ts'

/** One for each number in the answer, up or down as `random` draws, and one for the status it names. */
export function corruptedAnswers(output: string, random: () => number): string[] {
  const numbers = [...output.matchAll(/\d+/g)].map(({ 0: digits, index }) => {
    const value = Number(digits)
    const other = value === 0 || random() < 0.5 ? value + 1 : value - 1
    return output.slice(0, index) + other + output.slice(index + digits.length)
  })
  const words: Readonly<Record<string, string>> = { confirmed: 'released', released: 'confirmed' }
  const other = output.replace(/confirmed|released/, (word) => words[word] as string)
  return other === output ? numbers : [...numbers, other]
}

/** The same history but for the answer of one operation. */
export function withAnswer(
  operations: readonly Operation<StockInput>[],
  { index, output }: { readonly index: number; readonly output: string },
): Operation<StockInput>[] {
  const operation = operations[index]
  if (operation?.answer === undefined) throw new Error(`operation ${index} has no answer to corrupt`)
  return operations.with(index, { ...operation, answer: { ...operation.answer, output } })
}
