import { editsBetween } from '../edit-distance.ts'
import { shown } from './explain.ts'

/** Variables that are none of ours and look as if they were meant to be. */
export function misspellings(names: readonly string[], known: readonly string[]): string[] {
  return names
    .filter((name) => !known.includes(name) && name.length <= 20)
    .flatMap((name) => {
      // One edit for four letters, two for eight: HOME is no slip for HOST.
      const meant = known.find(
        (other) => editsBetween(name.toUpperCase(), other, 2) <= Math.min(2, other.length / 4),
      )
      return meant === undefined ? [] : [`${shown(name)} is not a setting. Did you mean ${meant}?`]
    })
}
