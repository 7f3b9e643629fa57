/**
 * Arrays that every search needs and none keeps, as long as there are documents: made anew, each search would pay for clearing
 * and collecting them. What is lent to a search is taken back when the next one begins. Whoever notes or marks has all rooms
 * that it needs before: where there is no memory for one, nothing is left behind for the next search.
 */
import { Marks } from './marks.ts'
import type { Matches } from './matches.ts'

export type Room = Pick<Matches, 'documents' | 'scores'>

/** Fewer matches are given arrays of their own, which cost nothing beside the search. */
const SMALL = 1_024

export class Scratch {
  #rooms: Room[] = []
  #lent = 0
  /** By document, the best of its scores; all 0 but while some are gathered. */
  best = new Int32Array(0)
  /** None but then. */
  marks = new Marks(0)

  /** For a search among so many documents. */
  begin(size: number): void {
    this.#lent = 0
    if (size < this.best.length) return
    const length = 2 ** Math.ceil(Math.log2(size + 1))
    // Both or neither: where there is memory for the one alone, the other would be too short for later searches.
    const [best, marks] = [new Int32Array(length), new Marks(length)]
    this.#rooms = []
    this.best = best
    this.marks = marks
  }

  /** For so many matches, and one that turns out to be none; what stands in it means nothing. */
  room(size: number): Room {
    if (size < SMALL) return { documents: new Int32Array(size + 1), scores: new Int32Array(size + 1) }
    const length = this.best.length
    const room = this.#rooms[this.#lent] ?? {
      documents: new Int32Array(length),
      scores: new Int32Array(length),
    }
    this.#rooms[this.#lent] = room
    this.#lent += 1
    return room
  }
}
