/** "Did you mean …?": which of the words that exist is meant by one that does not. */
import { editsBetween } from '../edit-distance.ts'

/** Words longer than this are nobody's slip of the pen, and comparing them would take long. */
const lengthMax = 80
/** No word is meant that is further away than a third of it. */
const editsMax = Math.ceil(lengthMax / 3)

/** Remembers the nearest of all the words it is offered. */
export class Nearest {
  readonly #word: string
  #best: { readonly word: string; readonly edits: number } | undefined
  #last = ''

  constructor(word: string) {
    this.#word = word.slice(0, lengthMax).toLowerCase()
  }

  offer(word: string): void {
    if (word === this.#last || word.length > lengthMax) return
    this.#last = word
    const bound = this.#best?.edits ?? editsMax + 1
    const edits = editsBetween(this.#word, word.toLowerCase(), bound - 1)
    if (edits < bound) this.#best = { word, edits }
  }

  /** The word, if it is near enough to be meant. */
  get found(): string | undefined {
    if (this.#best === undefined) return undefined
    const { word, edits } = this.#best
    return edits <= Math.max(1, word.length / 3) ? word : undefined
  }
}

/** A sentence with a space before it; nothing where no word is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const nearest = new Nearest(word)
  for (const other of known) nearest.offer(other)
  return nearest.found === undefined ? '' : ` Did you mean ${nearest.found}?`
}
