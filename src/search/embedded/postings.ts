/**
 * Which documents have a word, in the order of their numbers, and how much it says of each. Documents' numbers only go up,
 * so that what is new always goes to the end; what is gone stays until all is packed anew.
 */

import { Numbers } from './numbers.ts'

/** How much a word says of a document, 1 to 127, and whether it stands in its title. */
export type Weight = { readonly impact: number; readonly isInTitle: boolean }

/** Impacts are below it. */
export const inTitle = 128

export class Posting {
  readonly #documents = new Numbers()
  #weights = new Uint8Array(2)

  get size(): number {
    return this.#documents.size
  }

  /** Of documents with ascending numbers; behind `size` they mean nothing. */
  get documents(): Int32Array {
    return this.#documents.values
  }

  /** By place, its impact, and `inTitle` more where it stands in the title. */
  get weights(): Uint8Array {
    return this.#weights
  }

  add(document: number, { impact, isInTitle }: Weight): void {
    if (this.size === this.#weights.length) {
      const weights = new Uint8Array(2 * this.size)
      weights.set(this.#weights)
      this.#weights = weights
    }
    this.#weights[this.size] = impact | (isInTitle ? inTitle : 0)
    this.#documents.push(document)
  }

  /** Its place; undefined where it does not have the word. */
  placeOf(document: number): number | undefined {
    const place = firstFrom(this.documents, document, { from: 0, size: this.size })
    return place < this.size && this.documents[place] === document ? place : undefined
  }

  /** Gives documents the numbers they have from now on; those without one are gone. The order stays. */
  renumber(numbers: Int32Array): void {
    const { documents, weights } = this
    let kept = 0
    for (let place = 0; place < this.size; place++) {
      const number = numbers[documents[place] as number] as number
      if (number < 0) continue
      documents[kept] = number
      weights[kept] = weights[place] as number
      kept += 1
    }
    this.#documents.cut(kept)
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
