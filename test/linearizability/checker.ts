/**
 * Whether a history could have come from one thing that does one operation at a time (linearizability), by the algorithm of
 * Wing and Gong with Lowe's memory of what was tried before: a depth-first search for an order of the operations in which
 * each answer is what the model says, and no operation comes before one that was answered before it was invoked.
 *
 * L1  An operation that was not answered may be placed anywhere behind its invocation, or nowhere.
 * L2  What was tried is the set of operations placed together with the state they led to. Both are compared whole: a hash
 *     only finds them, and a collision could hide the one order there is.
 * L3  The search ends: past its bound it says that it does not know, which is no verdict in anybody's favour.
 */
import type { Operation } from './operation.ts'

/** The rules of the thing, one operation at a time. */
export type Model<State, Input> = {
  readonly initial: State
  /** Changes nothing in place: the search comes back to earlier states. */
  apply(state: State, input: Input): { readonly state: State; readonly output: string }
  /** The whole state: two that behave alike have one text. */
  textOf(state: State): string
}

export type Linearizability =
  /** `order` has the indices of the operations that happened. */
  | { readonly type: 'linearizable'; readonly order: readonly number[]; readonly steps: number }
  /** `order` is the longest that was found; nothing came of placing `next` or any other after it. */
  | {
      readonly type: 'impossible'
      readonly order: readonly number[]
      readonly next: number
      readonly steps: number
    }
  | { readonly type: 'undecided'; readonly steps: number }

const STEPS_MAX = 5_000_000

/** Searches all orders, up to `stepsMax` placements. */
export function checkLinearizable<State, Input>(
  model: Model<State, Input>,
  operations: readonly Operation<Input>[],
  { stepsMax = STEPS_MAX }: { readonly stepsMax?: number } = {},
): Linearizability {
  const waiting = new WaitingList(operations)
  const tried = new Tried(operations.length)
  const placed: { readonly index: number; readonly before: State }[] = []
  let longest = { order: [] as number[], next: 0 }
  let state = model.initial
  let steps = 0
  let place = waiting.first
  while (waiting.answersLeft > 0) {
    const { index, isAnswer } = waiting.at(place)
    if (isAnswer) {
      // Its operation must be placed by now and is not: something before it was placed wrongly.
      if (placed.length >= longest.order.length)
        longest = { order: placed.map((one) => one.index), next: index }
      const last = placed.pop()
      if (last === undefined) return { type: 'impossible', ...longest, steps }
      state = last.before
      tried.takeBack(last.index)
      place = waiting.putBack(last.index)
      continue
    }
    steps += 1
    if (steps > stepsMax) return { type: 'undecided', steps }
    const { input, answer } = operations[index] as Operation<Input>
    const after = model.apply(state, input)
    const text = model.textOf(after.state)
    const fits = answer === undefined ? text !== model.textOf(state) : answer.output === after.output
    if (fits && tried.place(index, text)) {
      placed.push({ index, before: state })
      state = after.state
      waiting.remove(index)
      place = waiting.first
    } else place = waiting.after(place)
  }
  return { type: 'linearizable', order: placed.map(({ index }) => index), steps }
}

type Place = { readonly index: number; readonly isAnswer: boolean }

/** Invocations and answers in their order, without those of the operations that are placed: a list linked both ways. */
class WaitingList {
  answersLeft = 0
  readonly #places: readonly Place[]
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** Of each operation, by its index. */
  readonly #invocation: Int32Array
  readonly #answer: Int32Array

  constructor(operations: readonly Operation<unknown>[]) {
    const times = operations.flatMap(({ invokedAt, answer }, index) => {
      const invocation = { at: invokedAt, index, isAnswer: false }
      return answer === undefined ? [invocation] : [invocation, { at: answer.at, index, isAnswer: true }]
    })
    times.sort((a, b) => a.at - b.at)
    for (const [i, { at }] of times.entries())
      if (times[i + 1]?.at === at) throw new Error(`two things happened at ${at}: their order is needed`)
    this.#places = times
    // The last place is the list's own head, and what comes after its end.
    this.#next = Int32Array.from({ length: times.length + 1 }, (_, i) => (i === times.length ? 0 : i + 1))
    this.#previous = Int32Array.from({ length: times.length + 1 }, (_, i) => (i === 0 ? times.length : i - 1))
    this.#invocation = new Int32Array(operations.length)
    this.#answer = new Int32Array(operations.length).fill(-1)
    for (const [place, { index, isAnswer }] of times.entries()) {
      if (isAnswer) this.answersLeft += 1
      const places = isAnswer ? this.#answer : this.#invocation
      places[index] = place
    }
  }

  get first(): number {
    return this.#next[this.#places.length] as number
  }

  at(place: number): Place {
    const found = this.#places[place]
    if (found === undefined) throw new Error('an answer that is waited for comes before the end of the list')
    return found
  }

  after(place: number): number {
    return this.#next[place] as number
  }

  remove(index: number): void {
    this.#unlink(this.#invocation[index] as number)
    const answer = this.#answer[index] as number
    if (answer < 0) return
    this.#unlink(answer)
    this.answersLeft -= 1
  }

  /** Undoes the newest `remove`; gives what comes after the invocation. */
  putBack(index: number): number {
    const answer = this.#answer[index] as number
    if (answer >= 0) {
      this.#link(answer)
      this.answersLeft += 1
    }
    const invocation = this.#invocation[index] as number
    this.#link(invocation)
    return this.#next[invocation] as number
  }

  #unlink(place: number): void {
    const next = this.#next[place] as number
    const previous = this.#previous[place] as number
    this.#next[previous] = next
    this.#previous[next] = previous
  }

  #link(place: number): void {
    this.#next[this.#previous[place] as number] = place
    this.#previous[this.#next[place] as number] = place
  }
}

/** L2. */
class Tried {
  readonly #placed: Uint32Array
  readonly #seen = new Map<number, { readonly placed: Uint32Array; readonly text: string }[]>()
  /** Of the operations placed; it changes by one number an operation, in any order. */
  #hash = 0

  constructor(operationsCount: number) {
    this.#placed = new Uint32Array(Math.ceil(operationsCount / 32))
  }

  /** Notes the operation as placed, unless the same ones were and led to the same state. */
  place(index: number, text: string): boolean {
    this.#flip(index)
    const hash = this.#hash ^ hashOf(text)
    const alike = this.#seen.get(hash)
    if (alike?.some((one) => one.text === text && this.#isPlaced(one.placed))) {
      this.#flip(index)
      return false
    }
    const one = { placed: this.#placed.slice(), text }
    if (alike === undefined) this.#seen.set(hash, [one])
    else alike.push(one)
    return true
  }

  takeBack(index: number): void {
    this.#flip(index)
  }

  #isPlaced(those: Uint32Array): boolean {
    return those.every((word, i) => word === this.#placed[i])
  }

  #flip(index: number): void {
    const word = index >>> 5
    this.#placed[word] = ((this.#placed[word] as number) ^ (1 << (index & 31))) >>> 0
    this.#hash ^= mixed(index + 1)
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

function mixed(value: number): number {
  const spread = Math.imul(value, 0x9e3779b1)
  return Math.imul(spread ^ (spread >>> 15), 0x85ebca6b)
}
