import type { Operation } from './operation.ts'

/** An operation whose call goes on. */
export type Open = { readonly index: number }

/** Writes down what clients of one process ask and hear, in the order in which they do. */
export class History<Input> {
  readonly #operations: (Operation<Input> | undefined)[] = []
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  #now = 0

  get invokedCount(): number {
    return this.#operations.length
  }

  /** Those that happened or may have: in the order of their invocations. */
  get operations(): Operation<Input>[] {
    return this.#operations.filter((one) => one !== undefined)
  }

  /** To be called before anything of it leaves. */
  invoke(client: number, input: Input): Open {
    this.#now += 1
    const index = this.#operations.push({ client, input, invokedAt: this.#now }) - 1
    while (this.#waiting[0] !== undefined && this.#waiting[0].count <= this.#operations.length)
      this.#waiting.shift()?.resolve()
    return { index }
  }

  /** To be called when all of the answer is there. */
  answered({ index }: Open, output: string): void {
    const operation = this.#operations[index]
    if (operation === undefined || operation.answer !== undefined)
      throw new Error(`operation ${index} is over, and now it is answered ${output}`)
    this.#now += 1
    this.#operations[index] = { ...operation, answer: { at: this.#now, output } }
  }

  /** It is known to have had no effect, or is of a kind that never has one. */
  failed({ index }: Open): void {
    this.#operations[index] = undefined
  }

  /** Resolves when so many were invoked; to be asked for in growing order. */
  reaches(count: number): Promise<void> {
    if (this.#operations.length >= count) return Promise.resolve()
    return new Promise((resolve) => void this.#waiting.push({ count, resolve }))
  }
}
