/**
 * Which documents have a word, in the order of their numbers, and how much it says of each. Documents' numbers only go up,
 * so that what is new always goes to the end; what is gone stays until all is packed anew.
 */

/** How much a word says of a document, 1 to 127, and whether it stands in its title. */
export type Weight = { readonly impact: number; readonly isInTitle: boolean }

const IN_TITLE = 128
const IMPACT = 127

export class Posting {
  #documents = new Int32Array(2)
  #weights = new Uint8Array(2)
  size = 0

  /** Of documents with ascending numbers; behind `size` they mean nothing. */
  get documents(): Int32Array {
    return this.#documents
  }

  add(document: number, { impact, isInTitle }: Weight): void {
    if (this.size === this.#documents.length) this.#grow()
    this.#documents[this.size] = document
    this.#weights[this.size] = impact | (isInTitle ? IN_TITLE : 0)
    this.size += 1
  }

  impactAt(place: number): number {
    return (this.#weights[place] as number) & IMPACT
  }

  isInTitleAt(place: number): boolean {
    return (this.#weights[place] as number) >= IN_TITLE
  }

  /** Place of the first document that does not come before this one, looked for from `from` on in ever longer steps. */
  placeOf(document: number, from: number): number {
    const documents = this.#documents
    let step = 1
    let low = from
    while (low + step < this.size && (documents[low + step] as number) < document) {
      low += step
      step *= 2
    }
    let high = Math.min(low + step, this.size)
    while (low < high) {
      const middle = (low + high) >> 1
      if ((documents[middle] as number) < document) low = middle + 1
      else high = middle
    }
    return low
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
