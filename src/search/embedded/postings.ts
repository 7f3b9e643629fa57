/**
 * Which documents have a word, in the order of their numbers, and how much it says of each. Documents' numbers only go up,
 * so that what is new always goes to the end; what is gone stays until all is packed anew.
 */

/** How much a word says of a document, 1 to 127, and whether it stands in its title. */
export type Weight = { readonly impact: number; readonly isInTitle: boolean }

/** Impacts are below it. */
export const inTitle = 128

export class Posting {
  #documents = new Int32Array(2)
  #weights = new Uint8Array(2)
  size = 0

  /** Of documents with ascending numbers; behind `size` they mean nothing. */
  get documents(): Int32Array {
    return this.#documents
  }

  /** By place, its impact, and `inTitle` more where it stands in the title. */
  get weights(): Uint8Array {
    return this.#weights
  }

  add(document: number, { impact, isInTitle }: Weight): void {
    if (this.size === this.#documents.length) this.#grow()
    this.#documents[this.size] = document
    this.#weights[this.size] = impact | (isInTitle ? inTitle : 0)
    this.size += 1
  }

  /** Its place; undefined where it does not have the word. */
  placeOf(document: number): number | undefined {
    const place = firstFrom(this.#documents, document, { from: 0, size: this.size })
    return place < this.size && this.#documents[place] === document ? place : undefined
  }

  /** Gives documents the numbers they have from now on; those without one are gone. The order stays. */
  renumber(numbers: Int32Array): void {
    let kept = 0
    for (let place = 0; place < this.size; place++) {
      const number = numbers[this.#documents[place] as number] as number
      if (number < 0) continue
      this.#documents[kept] = number
      this.#weights[kept] = this.#weights[place] as number
      kept += 1
    }
    this.size = kept
  }

  #grow(): void {
    const documents = new Int32Array(2 * this.size)
    documents.set(this.#documents)
    this.#documents = documents
    const weights = new Uint8Array(2 * this.size)
    weights.set(this.#weights)
    this.#weights = weights
  }
}

/** Place of the first of ascending numbers that is not below this one, looked for from `from` on in ever longer steps. */
export function firstFrom(
  numbers: Int32Array,
  wanted: number,
  { from, size }: { readonly from: number; readonly size: number },
): number {
  let step = 1
  let low = from
  while (low + step < size && (numbers[low + step] as number) < wanted) {
    low += step
    step *= 2
  }
  let high = Math.min(low + step, size)
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
